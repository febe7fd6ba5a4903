import { IntegerField, TextField } from '../../../transport/dto/dto-fields.js';
import { COMMAND_ID } from '../command.errors.js';
import { DEVICE_ID } from '../../shared/request-errors.js';

export class GetCommandDto {
  @TextField(DEVICE_ID)
  deviceId!: string;

  @IntegerField(COMMAND_ID)
  commandId!: number;
}
