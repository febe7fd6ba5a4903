import { Module } from '@nestjs/common';
import { TokenDelegation } from './token-delegation.service.js';
import { TokenController } from './token.controller.js';
import { TokenActions } from './token.service.js';

/** `authenticate`, `token`, `token/create` and `token/refresh`. */
@Module({ controllers: [TokenController], providers: [TokenActions, TokenDelegation] })
export class TokenModule {}
