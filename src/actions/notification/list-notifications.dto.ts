import { TextField, TimestampField } from '../../transport/dto/dto-fields.js';
import { ListPageDto } from '../shared/list-page.dto.js';
import { DEVICE_ID_EMPTY } from '../shared/request-errors.js';

export class ListNotificationsDto extends ListPageDto {
  @TextField({ required: DEVICE_ID_EMPTY })
  deviceId!: string;

  /** both ends are part of the range */
  @TimestampField()
  start?: Date | null;

  @TimestampField()
  end?: Date | null;

  /** a name */
  @TextField()
  notification?: string | null;
}
