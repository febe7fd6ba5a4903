import 'reflect-metadata';
import { plainToInstance } from 'class-transformer';
import { getMetadataStorage } from 'class-validator';

/** Makes a dto's value of a member that is not null. */
export type FieldReader = (value: unknown, parent: object, key: string) => unknown;
type Dto = new () => object;
type Members = Record<string, unknown>;

const READERS = 'nest-devicehive:field-readers';
const readersOf = (prototype: object) =>
  (Reflect.getMetadata(READERS, prototype) as Map<string, FieldReader> | undefined) ?? new Map();

/** Property decorator: `readDto` fills the property with what the reader makes of the member of its name. */
export function ReadWith(reader: FieldReader): PropertyDecorator {
  return (prototype, key) => {
    const readers = new Map(readersOf(prototype)).set(String(key), reader);
    Reflect.defineMetadata(READERS, readers, prototype);
  };
}

/**
 * A dto from a decoded JSON object; members that it does not declare are left out.
 *
 * Fields of `dto-fields.ts` are read one by one. Only what a dto declares with class-validator alone goes through
 * class-transformer, which copies values deeply, and 80,000 members in three seconds.
 */
export function readDto<T extends object>(dto: new () => T, body: object): T {
  const members = body as Members;
  const { readers, others } = fieldsOf(dto);
  const rest = Object.fromEntries(others.filter((key) => key in body).map((key) => [key, members[key]]));
  const instance = (others.length > 0 ? plainToInstance(dto, rest) : new dto()) as T & Members;
  for (const [key, read] of readers) {
    if (!Object.hasOwn(body, key)) continue;
    const value = members[key];
    (instance as Members)[key] = value === null ? null : read(value, body, key);
  }
  return instance;
}

interface Fields {
  readers: Map<string, FieldReader>;
  others: string[];
}

const known = new WeakMap<Dto, Fields>();

function fieldsOf(dto: Dto): Fields {
  let fields = known.get(dto);
  if (!fields) {
    const readers = readersOf(dto.prototype as object);
    const validated = getMetadataStorage().getTargetValidationMetadatas(dto, '', false, false);
    const others = new Set(
      validated.map(({ propertyName }) => propertyName).filter((key) => !readers.has(key)),
    );
    fields = { readers, others: [...others] };
    known.set(dto, fields);
  }
  return fields;
}
