import { IntegerField, NestedField, TextField } from '../../../transport/dto/dto-fields.js';
import { CommandFieldsDto } from './command-fields.dto.js';
import { COMMAND_ID_EMPTY } from '../command.errors.js';
import { DEVICE_ID_EMPTY, OBJECT_IS_NULL } from '../../shared/request-errors.js';

/** The order of the fields is the order in which errors are reported. */
export class UpdateCommandDto {
  @IntegerField({ required: COMMAND_ID_EMPTY })
  commandId!: number;

  @TextField({ required: DEVICE_ID_EMPTY })
  deviceId!: string;

  @NestedField(() => CommandFieldsDto, { required: OBJECT_IS_NULL })
  command!: CommandFieldsDto;
}
