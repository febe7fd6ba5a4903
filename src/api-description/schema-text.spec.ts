import { describe, expect, it } from 'vitest';
import { listOf, nullable, objectOf, TEXT } from '../protocol/json-schema.js';
import { rowsOf } from './schema-text.js';

const INTEGER = { type: 'integer' as const };

describe('rowsOf', () => {
  it('names members inside objects and lists by their path', () => {
    const schema = objectOf({ command: objectOf({ id: INTEGER }), items: listOf(objectOf({ name: TEXT })) });
    expect(rowsOf(schema).map(({ path, type }) => `${path} ${type}`)).toEqual([
      'command object',
      'command.id integer',
      'items list of objects',
      'items[].name string',
    ]);
  });

  it('says of a reply what may be null, and of a request what is required', () => {
    const schema = { properties: { a: nullable(TEXT), b: TEXT }, required: ['b'] };
    const told = (isRequest: boolean) =>
      rowsOf(schema, isRequest).map(({ path, type, isRequired }) => [path, type, isRequired]);
    expect(told(false)).toEqual([
      ['a', 'string or null', false],
      ['b', 'string', false],
    ]);
    expect(told(true)).toEqual([
      ['a', 'string', false],
      ['b', 'string', true],
    ]);
  });

  it.each([
    [{ ...INTEGER, minimum: 1, maximum: 5 }, 'integer', ['1 to 5']],
    [{ ...INTEGER, minimum: 1 }, 'integer', ['at least 1']],
    [{ ...INTEGER, minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER }, 'integer', []],
    [{ ...TEXT, maxLength: 8, pattern: '^a' }, 'string', ['at most 8 characters', '`^a`']],
    [{ ...listOf(INTEGER), minItems: 1 }, 'list of integers', ['at least 1 items']],
    [{ enum: ['a', 1] }, '"a" or 1', []],
    [{ const: 'a' }, '"a"', []],
    [{ type: 'number' as const, exclusiveMinimum: 0 }, 'number', ['above 0']],
    [{}, 'any', []],
  ])('says of %j %s, %j', (schema, type, bounds) => {
    expect(rowsOf({ properties: { a: schema } }, true)[0]).toMatchObject({ type, bounds });
  });
});
