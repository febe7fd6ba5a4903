import { type ArgumentMetadata, Injectable, type PipeTransform } from '@nestjs/common';
import { ActionError } from '../protocol/action-error.js';
import { type Dto, needsValidator, readDto } from './dto/dto-reader.js';
import { firstRefusal } from './dto/read-with.js';

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
  const refusal = await firstRefusal(dto);
  if (refusal !== undefined) throw new ActionError(400, refusal);
  return dto;
}
