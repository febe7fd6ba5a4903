import { Global, Module } from '@nestjs/common';
import { DirectoryRepository } from './directory.repository.js';
import { UserRightsCache } from './user-rights.js';

@Global()
@Module({
  providers: [DirectoryRepository, UserRightsCache],
  exports: [DirectoryRepository, UserRightsCache],
})
export class DirectoryModule {}
