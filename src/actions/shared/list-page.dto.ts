import { IntegerField, TextField } from '../../transport/dto/dto-fields.js';
import { DEFAULT_TAKE, MAX_TAKE } from './list-page.js';

// The members of `ListPage`. Each dto of a list declares them itself: class-validator reports inherited members last.

export const SortField = (
  description = 'a member of the list; one that is not known is as if absent',
): PropertyDecorator => TextField({ description });

export const SortOrderField = (
  description = '`desc`, the default with a `sortField`; any other text is ascending',
): PropertyDecorator => TextField({ description });

export const TakeField = (): PropertyDecorator =>
  IntegerField({ description: `${DEFAULT_TAKE} unless told, ${MAX_TAKE} at most`, example: 20 });

export const SkipField = (): PropertyDecorator => IntegerField();
