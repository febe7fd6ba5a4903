import { NestedField, TextField } from '../../../transport/dto/dto-fields.js';
import { CommandFieldsDto } from './command-fields.dto.js';
import { COMMAND_REQUIRED } from '../command.errors.js';
import { DEVICE_ID } from '../../shared/request-errors.js';

export class InsertCommandDto {
  @TextField(DEVICE_ID)
  deviceId!: string;

  @NestedField(() => CommandFieldsDto, {
    required: COMMAND_REQUIRED,
    description: 'what is stored',
    example: { command: 'led/on', parameters: { colour: 'green' } },
  })
  command!: CommandFieldsDto;
}
