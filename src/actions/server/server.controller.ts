import { MessagePattern } from '@nestjs/microservices';
import { PublicAction } from '../../auth/require-permission.decorator.js';
import { DEVICEHIVE } from '../../transport/devicehive.context.js';
import { ActionController } from '../action-controller.decorator.js';
import { ApiAction } from '../api-action.decorator.js';
import { api } from './server.api.js';
import { ServerService } from './server.service.js';

@ActionController()
export class ServerController {
  constructor(private readonly server: ServerService) {}

  @MessagePattern('server/info', DEVICEHIVE)
  @PublicAction()
  @ApiAction(api.info)
  async info() {
    return { info: await this.server.info() };
  }

  @MessagePattern('cluster/info', DEVICEHIVE)
  @PublicAction()
  @ApiAction(api.clusterInfo)
  clusterInfo() {
    return { clusterInfo: this.server.clusterInfo() };
  }
}
