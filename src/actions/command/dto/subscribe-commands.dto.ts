import { BooleanField } from '../../../transport/dto/dto-fields.js';
import { SubscribeDto } from '../../subscription.exports.js';

export class SubscribeCommandsDto extends SubscribeDto {
  @BooleanField({ description: 'updates only, instead of commands' })
  returnUpdatedCommands?: boolean | null;
}
