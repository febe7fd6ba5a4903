import { IntegerField, NestedField, TextField } from '../../../transport/dto/dto-fields.js';
import { CommandFieldsDto } from './command-fields.dto.js';
import { COMMAND_ID } from '../command.errors.js';
import { DEVICE_ID, OBJECT_IS_NULL } from '../../shared/request-errors.js';

/** The order of the fields is the order in which errors are reported. */
export class UpdateCommandDto {
  @IntegerField(COMMAND_ID)
  commandId!: number;

  @TextField(DEVICE_ID)
  deviceId!: string;

  @NestedField(() => CommandFieldsDto, {
    required: OBJECT_IS_NULL,
    description: 'what changes',
    example: { status: 'done', result: { lit: true } },
  })
  command!: CommandFieldsDto;
}
