import { TextField, TextListField, TimestampField } from '../../../transport/dto/dto-fields.js';
import type { ListPage } from '../../shared/list-page.js';
import { SkipField, SortField, SortOrderField, TakeField } from '../../shared/list-page.dto.js';
import { DEVICE_ID } from '../../shared/request-errors.js';

/** The original's `deviceIds` is missing on purpose: it reads the commands of devices that nobody has checked. */
export class ListCommandsDto implements ListPage {
  @SortField()
  sortField?: string | null;

  @SortOrderField()
  sortOrder?: string | null;

  @TakeField()
  take?: number | null;

  @SkipField()
  skip?: number | null;

  @TextField(DEVICE_ID)
  deviceId!: string;

  @TimestampField({ description: 'the earliest `timestamp`' })
  start?: Date | null;

  @TimestampField({ description: 'the latest `timestamp`' })
  end?: Date | null;

  @TextField({ description: 'a name' })
  command?: string | null;

  @TextListField({ description: 'any of these names' })
  names?: string[] | null;

  @TextField()
  status?: string | null;
}
