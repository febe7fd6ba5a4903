import { DEFAULT_TAKE, MAX_TAKE } from './list-page.js';
import { IntegerField, TextField } from '../../transport/dto/dto-fields.js';

/** Which part of a list, and in which order. */
export class ListPageDto {
  @TextField({ description: 'a member of the list; one that is not known is as if absent' })
  sortField?: string | null;

  @TextField({ description: '`desc`, the default with a `sortField`; any other text is ascending' })
  sortOrder?: string | null;

  @IntegerField({ description: `${DEFAULT_TAKE} unless told, ${MAX_TAKE} at most`, example: 20 })
  take?: number | null;

  @IntegerField()
  skip?: number | null;
}
