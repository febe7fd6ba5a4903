import { Module } from '@nestjs/common';
import { TokenController } from './token.controller.js';
import { TokenActions } from './token.service.js';

/** `authenticate` and `token`. */
@Module({ controllers: [TokenController], providers: [TokenActions] })
export class TokenModule {}
