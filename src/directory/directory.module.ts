import { Global, Module } from '@nestjs/common';
import { DirectoryRepository } from './directory.repository.js';
import { LastLogins } from './last-logins.js';
import { UserRightsCache } from './user-rights.js';

@Global()
@Module({
  providers: [DirectoryRepository, LastLogins, UserRightsCache],
  exports: [DirectoryRepository, LastLogins, UserRightsCache],
})
export class DirectoryModule {}
