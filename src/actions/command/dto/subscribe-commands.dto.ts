import { BooleanField } from '../../../transport/dto/dto-fields.js';
import { SubscribeDto } from '../../subscription.exports.js';

export class SubscribeCommandsDto extends SubscribeDto {
  /** updates only, instead of commands */
  @BooleanField()
  returnUpdatedCommands?: boolean | null;
}
