import { IntegerField, TextField } from '../../transport/dto/dto-fields.js';
import type { ListPage } from '../shared/list-page.js';
import { SkipField, SortField, SortOrderField, TakeField } from '../shared/list-page.dto.js';

/** Beyond it a pattern says nothing more about a name of 128 characters. */
const MAX_PATTERN = 512;

/** `device/list` and `device/count`: which of the devices that the caller sees. All conditions must hold. */
export class ListDevicesDto implements ListPage {
  @SortField('`name`, `status` or `network`, in any capitals')
  sortField?: string | null;

  @SortOrderField('`desc`; any other text is ascending')
  sortOrder?: string | null;

  @TakeField()
  take?: number | null;

  @SkipField()
  skip?: number | null;

  @TextField()
  name?: string | null;

  @TextField({
    maxLength: MAX_PATTERN,
    description: '`%` is any text, `_` any character; there is no escape character',
    unfit: `namePattern must have at most ${MAX_PATTERN} characters`,
  })
  namePattern?: string | null;

  @IntegerField()
  networkId?: number | null;

  @TextField()
  networkName?: string | null;
}
