import { applyDecorators } from '@nestjs/common';
import { IsBoolean, IsOptional } from 'class-validator';
import { MALFORMED_JSON } from '../../../protocol/action-error.js';
import { ReadWith } from '../../../transport/dto/dto-reader.js';

/** `true` or `false`, also as text, as the original takes them. */
export function BooleanField(): PropertyDecorator {
  const read = ReadWith((value) => (value === 'true' ? true : value === 'false' ? false : value));
  return applyDecorators(read, IsOptional(), IsBoolean({ message: MALFORMED_JSON }));
}
