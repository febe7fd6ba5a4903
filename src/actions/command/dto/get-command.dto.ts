import { IntegerField, TextField } from '../../../transport/dto/dto-fields.js';
import { COMMAND_ID_EMPTY } from '../command.errors.js';
import { DEVICE_ID_EMPTY } from '../../shared/request-errors.js';

export class GetCommandDto {
  @TextField({ required: DEVICE_ID_EMPTY })
  deviceId!: string;

  @IntegerField({ required: COMMAND_ID_EMPTY })
  commandId!: number;
}
