import { Ctx, MessagePattern, Payload } from '@nestjs/microservices';
import { CurrentPrincipal, type Principal } from '../../auth/principal.js';
import { PublicAction, RequirePermission } from '../../auth/require-permission.decorator.js';
import { DEVICEHIVE, DeviceHiveContext } from '../../transport/devicehive.context.js';
import { ActionController } from '../action-controller.decorator.js';
import { ApiAction } from '../api-action.decorator.js';
import { api } from './token.api.js';
import { CreateTokenDto, RefreshTokenDto } from './create-token.dto.js';
import { TokenDelegation } from './token-delegation.service.js';
import { AuthenticateDto, TokenDto } from './token.dto.js';
import { type TokenPair, TokenActions } from './token.service.js';

@ActionController()
export class TokenController {
  constructor(
    private readonly tokens: TokenActions,
    private readonly delegation: TokenDelegation,
  ) {}

  @MessagePattern('authenticate', DEVICEHIVE)
  @PublicAction()
  @ApiAction(api.authenticate)
  authenticate(@Payload() request: AuthenticateDto, @Ctx() { origin }: DeviceHiveContext): Promise<void> {
    return this.tokens.authenticate(request.token, origin.connectionId);
  }

  @MessagePattern('token', DEVICEHIVE)
  @PublicAction()
  @ApiAction(api.token)
  token(@Payload() request: TokenDto, @Ctx() { origin }: DeviceHiveContext): Promise<TokenPair> {
    return this.tokens.create(request.login, request.password, origin);
  }

  @MessagePattern('token/create', DEVICEHIVE)
  @RequirePermission('ManageToken')
  @ApiAction(api.create)
  create(
    @Payload() { payload }: CreateTokenDto,
    @CurrentPrincipal() principal: Principal,
  ): Promise<TokenPair> {
    return this.delegation.create(principal, payload);
  }

  @MessagePattern('token/refresh', DEVICEHIVE)
  @PublicAction()
  @ApiAction(api.refresh)
  refresh(@Payload() request: RefreshTokenDto): Promise<Pick<TokenPair, 'accessToken'>> {
    return this.delegation.refresh(request.refreshToken);
  }
}
