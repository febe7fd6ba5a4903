import { type ArgumentMetadata, Injectable, type PipeTransform } from '@nestjs/common';
import { validate, type ValidationError } from 'class-validator';
import { ActionError, MALFORMED_JSON } from '../protocol/action-error.js';
import { type Dto, needsValidator, readDto } from './dto/dto-reader.js';

/** What TypeScript gives as type where a parameter is no class of its own, or one that is imported by `import type`. */
const NOT_DTOS = new Set<unknown>([undefined, Object, Function, String, Number, Boolean, Array]);

/** Whether a handler's parameter has a class of its own, whose decorators say what is accepted. */
export function isDto(type?: Function): type is Dto {
  return !NOT_DTOS.has(type);
}

/**
 * Body to dto. Members that have no decorator in the dto are dropped: clients in the field send others.
 * The first failing property of the dto, in the order of its declaration, gives the 400 its text.
 */
@Injectable()
export class ActionValidationPipe implements PipeTransform {
  /** @returns a promise only of a dto that class-validator has a say in: each takes time */
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (type !== 'body' || !isDto(metatype)) return value;
    const dto = readDto(metatype, value as object);
    return needsValidator(metatype) ? validated(dto) : dto;
  }
}

async function validated(dto: object): Promise<object> {
  const errors = await validate(dto, { whitelist: true, stopAtFirstError: true, forbidUnknownValues: false });
  if (errors.length > 0) throw new ActionError(400, firstMessage(errors));
  return dto;
}

function firstMessage(errors: ValidationError[]): string {
  const [error] = errors;
  const [message] = Object.values(error?.constraints ?? {});
  return message ?? (error?.children?.length ? firstMessage(error.children) : MALFORMED_JSON);
}
