import { Global, Module } from '@nestjs/common';
import { LoginService } from './login.service.js';
import { OwnPermissions } from './own-permissions.js';
import { PermissionGuard } from './permission.guard.js';
import { Sessions } from './sessions.js';
import { TokenService } from './token.service.js';

const shared = [LoginService, OwnPermissions, PermissionGuard, Sessions, TokenService];

/** Global, because the guard runs in the module of each action controller. */
@Global()
@Module({ providers: shared, exports: shared })
export class AuthModule {}
