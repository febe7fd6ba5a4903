import { IntegerField, TextField } from '../../transport/dto/dto-fields.js';

/** Which part of a list, and in which order. */
export class ListPageDto {
  /** in capitals or not; a field that is not known is as if absent */
  @TextField()
  sortField?: string | null;

  /** `desc`, in capitals or not; any other text is ascending */
  @TextField()
  sortOrder?: string | null;

  @IntegerField()
  take?: number | null;

  @IntegerField()
  skip?: number | null;
}
