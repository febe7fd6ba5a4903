import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import { PublicAction } from '../../auth/require-permission.decorator.js';
import { DEVICEHIVE, DeviceHiveContext } from '../../transport/devicehive.context.js';
import { ActionController } from '../action-controller.decorator.js';
import { AuthenticateDto, TokenDto } from './token.dto.js';
import { type TokenPair, TokenActions } from './token.service.js';

@ActionController()
export class TokenController {
  constructor(private readonly tokens: TokenActions) {}

  @MessagePattern('authenticate', DEVICEHIVE)
  @PublicAction()
  authenticate(@Payload() request: AuthenticateDto, @Ctx() { origin }: DeviceHiveContext): Promise<void> {
    return this.tokens.authenticate(request.token, origin.connectionId);
  }

  @MessagePattern('token', DEVICEHIVE)
  @PublicAction()
  token(@Payload() request: TokenDto, @Ctx() { origin }: DeviceHiveContext): Promise<TokenPair> {
    return this.tokens.create(request.login, request.password, origin);
  }
}
