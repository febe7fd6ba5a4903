import { type DynamicModule, Global, Module } from '@nestjs/common';
import { AuthOptions } from './auth.options.js';
import { LoginService } from './login.service.js';
import { PermissionGuard } from './permission.guard.js';
import { Sessions } from './sessions.js';
import { TokenService } from './token.service.js';

/** Global, because the guard runs in the module of each action controller. */
@Global()
@Module({})
export class AuthModule {
  static forRoot(options: AuthOptions): DynamicModule {
    const shared = [LoginService, PermissionGuard, Sessions, TokenService];
    return {
      module: AuthModule,
      providers: [...shared, { provide: AuthOptions, useValue: options }],
      exports: shared,
    };
  }
}
