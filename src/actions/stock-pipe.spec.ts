import 'reflect-metadata';
import { isDeepStrictEqual } from 'node:util';
import { type ArgumentMetadata, BadRequestException, type Type, ValidationPipe } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { randomOf } from '../../test/support/random.js';
import { rememberSource } from '../protocol/json-text.js';
import { ActionValidationPipe } from '../transport/action-validation.pipe.js';
import { IntegerField, NestedField, TextField, TextListField } from '../transport/dto/dto-fields.js';
import { type Dto, fieldsOf } from '../transport/dto/dto-reader.js';
import { handlersIn } from './handlers.js';
import { actionModules } from './index.js';
import { payloadsOf } from './payloads.js';

const BODIES = 10_000;
const SEED = Number(process.env.SEED ?? Date.now() % 2 ** 31);

const random = randomOf(SEED);
const oneOf = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;

/** Values as a client writes them. */
const VALUES = [
  'null',
  'true',
  'false',
  '"true"',
  '0',
  '-0',
  '1',
  '-1',
  '12',
  '5.0',
  '1e3',
  '1.5',
  '2147483647',
  '2147483648',
  '-2147483649',
  '9007199254740991',
  '9007199254740993',
  '1.00000000000000000001',
  '1e400',
  '"12"',
  '"-1"',
  '"12abc"',
  '""',
  '" "',
  '"led/on"',
  '"2018-02-08T15:26:30.123"',
  '"2018-02-08"',
  '1518103590123',
  '"1518103590123"',
  '"soon"',
  '"\\u0000"',
  '"\\ud800"',
  '"\\"quoted\\" \\\\"',
  `"${'x'.repeat(129)}"`,
  `"${'a/'.repeat(70)}"`,
  '[]',
  '[1,"2",3]',
  '[1,null]',
  '["a","b"]',
  '["*"]',
  '[[]]',
  '[1.5]',
  '{}',
  '{"a":{"b":[1,{"c":9007199254740993}]}}',
  '{"__proto__":{"polluted":true},"constructor":{"prototype":{}}}',
  '{"then":1,"toString":2,"toJSON":3,"length":4}',
];
const OTHER_NAMES = ['', 'action', 'constructor', 'then', 'toString', '__proto__', 'unknown'];

/** The JSON of an object that has some of a dto's members, and others. */
function bodyOf(dto: Dto): string {
  const members: string[] = [];
  for (const [key, { nested }] of fieldsOf(dto.prototype as object)) {
    if (random() < 0.3) continue;
    const value = nested && random() < 0.7 ? bodyOf(nested()) : random() < 0.2 ? 'null' : oneOf(VALUES);
    members.push(`${JSON.stringify(key)}:${value}`);
  }
  if (random() < 0.2) members.push(`${JSON.stringify(oneOf(OTHER_NAMES))}:${oneOf(VALUES)}`);
  // Now and then out of their order, or twice.
  if (random() < 0.2) members.reverse();
  if (members.length > 0 && random() < 0.1) members.push(oneOf(members));
  return `{${members.join(',')}}`;
}

const stock = new ValidationPipe({ transform: true, whitelist: true, stopAtFirstError: true });
const compiled = new ActionValidationPipe();

type Outcome = { dto: unknown } | { text: string };

async function byStockPipe(body: object, metadata: ArgumentMetadata): Promise<Outcome> {
  try {
    return { dto: await stock.transform(body, metadata) };
  } catch (error) {
    if (!(error instanceof BadRequestException)) throw error;
    const { message } = error.getResponse() as { message: string[] };
    return { text: message[0]! };
  }
}

async function byCompiledReader(body: object, metadata: ArgumentMetadata): Promise<Outcome> {
  try {
    return { dto: await compiled.transform(body, metadata) };
  } catch (error) {
    return { text: (error as Error).message };
  }
}

class LampDto {
  @IntegerField({ required: 'Lamp' }) lamp = 1;
  @TextField() colour?: string = 'white';
}

/** No action of the service has a dto whose class gives values. */
class DefaultsDto {
  @IntegerField({ required: 'Required' }) required = 5;
  @IntegerField() optional?: number = 6;
  @TextField({ required: 'Nothing' }) nothing: string | null = null;
  @TextListField() list = ['a'];
  @NestedField(() => LampDto, { required: 'Nested' }) nested = new LampDto();
  @NestedField(() => LampDto) other?: LampDto;
}

const types = handlersIn(actionModules as Type[])
  .flatMap(payloadsOf)
  .flatMap(({ type }) => type ?? []);
const dtos = [...new Set(types), DefaultsDto].map((dto) => [dto.name, dto as Dto] as const);

describe(`Nest's ValidationPipe, seed ${SEED},`, () => {
  it.each(dtos)(
    `reads 10,000 random bodies of %s as the action pipe does: the same values, the same first text`,
    async (_, dto) => {
      const metadata: ArgumentMetadata = { type: 'body', metatype: dto };
      let taken = 0;
      for (let n = 0; n < BODIES; n++) {
        const json = bodyOf(dto);
        // As the broker's requests are read, and as those of HTTP are; of these Nest removes hostile names.
        const isOfBroker = random() < 0.5 || json.includes('__proto__');
        const decode = isOfBroker ? decoded : (text: string) => JSON.parse(text) as object;
        const expected = await byCompiledReader(decode(json), metadata);
        const seen = await byStockPipe(decode(json), metadata);
        if (!isDeepStrictEqual(seen, expected)) expect({ json, ...seen }).toEqual({ json, ...expected });
        if ('dto' in expected) taken++;
      }
      expect(taken).toBeGreaterThan(BODIES / 1_000);
      expect(taken).toBeLessThan(BODIES);
    },
    60_000,
  );
});

/** A body that remembers how it was written. */
function decoded(json: string): object {
  const body = JSON.parse(json) as object;
  rememberSource(body, json);
  return body;
}
