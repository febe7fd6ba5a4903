import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { validate, ValidateBy, type ValidationArguments, type ValidationError } from 'class-validator';
import { ActionError, MALFORMED_JSON } from '../../protocol/action-error.js';
import {
  type Dto,
  type Field,
  FIELD_CONSTRAINT,
  needsValidator,
  readMember,
  Refused,
  registerField,
} from './dto-reader.js';

/**
 * Property decorator: a member is read as the field says, by `readDto` and by Nest's own
 * `ValidationPipe({ transform: true, whitelist: true, stopAtFirstError: true })` alike, with the same values and texts.
 */
export function ReadWith(field: Field): PropertyDecorator {
  return applyDecorators(
    (prototype: object, key: string | symbol) => registerField(prototype, String(key), field),
    // Not its `value`, which is a copy without the text that a client has written.
    Transform(({ obj, key }) => readOrRefused(field, obj as object, key), { toClassOnly: true }),
    field.nested ? mustHoldInside(field, field.nested) : mustBeRead(field),
  );
}

/** An object in it throws what it is refused with. */
function readOrRefused(field: Field, body: object, key: string): unknown {
  try {
    return readMember(field, body, key);
  } catch (error) {
    if (error instanceof ActionError) return new Refused(error.message);
    throw error;
  }
}

/** @returns the text of the 400 for what was made of a member */
function refusalOf({ required }: Field, made: unknown): string | undefined {
  if (made instanceof Refused) return made.text;
  return made == null ? required : undefined;
}

function mustBeRead(field: Field): PropertyDecorator {
  return ValidateBy({
    name: FIELD_CONSTRAINT,
    validator: {
      validate: (made) => refusalOf(field, made) === undefined,
      defaultMessage: (args) => refusalOf(field, args!.value)!,
    },
  });
}

/**
 * Also what class-validator says of the object in it, if that has members of its kind. Not `@ValidateNested`: Nest would
 * put the name of the property before each text.
 */
function mustHoldInside(field: Field, nested: () => Dto): PropertyDecorator {
  const refusals = new WeakMap<object, string>();
  const validateInside = async (object: object): Promise<boolean> => {
    const text = await firstRefusal(object);
    if (text !== undefined) refusals.set(object, text);
    return text === undefined;
  };
  return ValidateBy({
    name: FIELD_CONSTRAINT,
    async: true,
    validator: {
      validate: (made: object | null | undefined | Refused) => {
        if (refusalOf(field, made) !== undefined) return false;
        return made == null || !needsValidator(nested()) || validateInside(made);
      },
      defaultMessage: (args?: ValidationArguments) =>
        refusalOf(field, args!.value) ?? refusals.get(args!.value as object)!,
    },
  });
}

/** @returns what class-validator says of an instance of a dto; `undefined` if nothing is wrong */
export async function firstRefusal(dto: object): Promise<string | undefined> {
  const errors = await validate(dto, { whitelist: true, stopAtFirstError: true, forbidUnknownValues: false });
  return errors.length > 0 ? firstMessage(errors) : undefined;
}

function firstMessage([error]: ValidationError[]): string {
  const [message] = Object.values(error?.constraints ?? {});
  return message ?? (error?.children?.length ? firstMessage(error.children) : MALFORMED_JSON);
}
