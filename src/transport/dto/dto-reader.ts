import 'reflect-metadata';
import { plainToInstance } from 'class-transformer';
import { getMetadataStorage } from 'class-validator';
import { ActionError } from '../../protocol/action-error.js';
import type { JsonSchema } from '../../protocol/json-schema.js';

/** What a field's reader gives for a value that is not acceptable. */
export class Refused {
  /** @param text the 400's */
  constructor(readonly text: string) {}
}

/** How a dto's value is made of the member of its name. */
export interface Field {
  /** @param value not null */
  read(value: unknown, parent: object, key: string): unknown;
  /** the 400's text for an absent or `null` member; without it the field is optional */
  required?: string;
  /** the class of the object in it */
  nested?: () => Dto;
  /** for the API's description: what is accepted, `null` aside; any value unless told */
  schema?: JsonSchema;
  /** for the API's description: the texts of its 400s */
  refusals?: string[];
}

/** A class whose decorators say what a request holds. */
export type Dto = new () => object;
type Members = Record<string, unknown>;

const FIELDS = 'nest-devicehive:fields';
/** The name of the constraint by which class-validator refuses what a field refuses. */
export const FIELD_CONSTRAINT = 'nest-devicehive:field';
/** @returns by the name of the property, in the order of declaration */
export const fieldsOf = (prototype: object): ReadonlyMap<string, Field> =>
  (Reflect.getMetadata(FIELDS, prototype) as Map<string, Field> | undefined) ?? new Map<string, Field>();

/** For the decorators of `dto-fields.ts`: `readDto` fills the property. */
export function registerField(prototype: object, key: string, field: Field): void {
  Reflect.defineMetadata(FIELDS, new Map(fieldsOf(prototype)).set(key, field), prototype);
}

/** @returns what becomes of a member: `undefined` if it is absent and optional, `Refused` if it is not acceptable */
export function readMember({ read, required }: Field, body: object, key: string): unknown {
  const value = Object.hasOwn(body, key) ? (body as Members)[key] : undefined;
  const made = value == null ? value : read(value, body, key);
  return made == null && required ? new Refused(required) : made;
}

/**
 * A dto from a decoded JSON object; members that have no decorator in it are left out, and absent ones keep the value that
 * the class gives them.
 *
 * Fields of `dto-fields.ts` are read and checked one by one. Only what a dto declares with class-validator alone goes
 * through class-transformer, which copies values deeply, and 80,000 members in three seconds.
 * @throws {ActionError} 400 with the text of the first field, in the order of declaration, that is not acceptable
 */
export function readDto<T extends object>(dto: new () => T, body: object): T {
  const { fields, others } = shapeOf(dto);
  const instance = others.length > 0 ? plainToInstance(dto, pick(body as Members, others)) : new dto();
  for (const [key, field] of fields) {
    if ((instance as Members)[key] != null && !Object.hasOwn(body, key)) continue;
    const made = readMember(field, body, key);
    if (made instanceof Refused) throw new ActionError(400, made.text);
    if (made !== undefined) (instance as Members)[key] = made;
  }
  return instance;
}

/** Whether a decorator, of this project or of class-validator, names anything that a dto takes. */
export function declaresMembers(dto: Dto): boolean {
  const { fields, others } = shapeOf(dto);
  return fields.length > 0 || others.length > 0;
}

/** Whether class-validator has a say in a dto, or in one inside it. Its checks take as long as all others together. */
export function needsValidator(dto: Dto): boolean {
  const shape = shapeOf(dto);
  shape.needsValidator ??=
    shape.others.length > 0 ||
    shape.fields.some(([, { nested }]) => nested !== undefined && needsValidator(nested()));
  return shape.needsValidator;
}

interface Shape {
  fields: [string, Field][];
  /** what class-validator alone knows */
  others: string[];
  needsValidator?: boolean;
}

const shapes = new WeakMap<Dto, Shape>();

function shapeOf(dto: Dto): Shape {
  let shape = shapes.get(dto);
  if (!shape) {
    const fields = fieldsOf(dto.prototype as object);
    const others = new Set(validatedMembers(dto));
    const both = [...others].find((key) => fields.has(key));
    if (both) throw decoratedTwice(dto, both);
    shape = { fields: [...fields], others: [...others] };
    shapes.set(dto, shape);
  }
  return shape;
}

/** Names of members with decorators of class-validator, beside that of a field. */
function validatedMembers(dto: Dto): string[] {
  return getMetadataStorage()
    .getTargetValidationMetadatas(dto, '', false, false)
    .flatMap(({ name, propertyName }) => (name === FIELD_CONSTRAINT ? [] : propertyName));
}

const decoratedTwice = ({ name }: Dto, key: string) =>
  new Error(
    `${name}.${key} has decorators of nest-devicehive and of class-validator: leave those of one, they read values differently`,
  );

function pick(members: Members, keys: string[]): Members {
  return Object.fromEntries(keys.filter((key) => key in members).map((key) => [key, members[key]]));
}
