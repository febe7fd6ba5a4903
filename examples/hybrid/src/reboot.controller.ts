import { MessagePattern, Payload } from '@nestjs/microservices';
import { IsInt, Min } from 'class-validator';
import {
  ActionController,
  CurrentPrincipal,
  DEVICEHIVE,
  type Principal,
  RequirePermission,
} from 'nest-devicehive';

class RebootDto {
  @Min(0, { message: 'seconds must be 0 at least' })
  @IsInt({ message: 'seconds must be an integer' })
  seconds!: number;
}

@ActionController()
export class RebootController {
  @MessagePattern('reboot/now', DEVICEHIVE)
  @RequirePermission('ManageReboot')
  now(@Payload() { seconds }: RebootDto, @CurrentPrincipal() { userId }: Principal) {
    return { seconds, askedBy: userId };
  }
}
