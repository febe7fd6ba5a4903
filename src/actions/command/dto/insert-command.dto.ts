import { NestedField, TextField } from '../../../transport/dto/dto-fields.js';
import { CommandFieldsDto } from './command-fields.dto.js';
import { COMMAND_REQUIRED } from '../command.errors.js';
import { DEVICE_ID_EMPTY } from '../../shared/request-errors.js';

export class InsertCommandDto {
  @TextField({ required: DEVICE_ID_EMPTY })
  deviceId!: string;

  @NestedField(() => CommandFieldsDto, { required: COMMAND_REQUIRED })
  command!: CommandFieldsDto;
}
