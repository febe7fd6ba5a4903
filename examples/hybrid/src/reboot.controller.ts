import { MessagePattern, Payload } from '@nestjs/microservices';
import {
  ActionController,
  CurrentPrincipal,
  DEVICEHIVE,
  IntegerField,
  type Principal,
  RequirePermission,
} from 'nest-devicehive';

class RebootDto {
  @IntegerField({ min: 0, required: 'seconds is missing', wrong: 'seconds must be 0 at least' })
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
