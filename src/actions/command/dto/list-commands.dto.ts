import { TextField, TextListField, TimestampField } from '../../../transport/dto/dto-fields.js';
import { ListPageDto } from '../../shared/list-page.dto.js';
import { DEVICE_ID_EMPTY } from '../../shared/request-errors.js';

/** The original's `deviceIds` is missing on purpose: it reads the commands of devices that nobody has checked. */
export class ListCommandsDto extends ListPageDto {
  @TextField({ required: DEVICE_ID_EMPTY })
  deviceId!: string;

  @TimestampField()
  start?: Date | null;

  @TimestampField()
  end?: Date | null;

  @TextField()
  command?: string | null;

  @TextListField()
  names?: string[] | null;

  @TextField()
  status?: string | null;
}
