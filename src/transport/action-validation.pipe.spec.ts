import 'reflect-metadata';
import type { ArgumentMetadata } from '@nestjs/common';
import { describe, expect, it } from 'vitest';
import { decodeEnvelope } from '../protocol/envelope.js';
import { ActionValidationPipe } from './action-validation.pipe.js';
import { IntegerField, NestedField, TextField } from './dto/dto-fields.js';

class InnerDto {
  @TextField({ wrong: 'inner first' }) first?: string;
  @TextField({ wrong: 'inner second' }) second?: string;
}

class BodyDto {
  @IntegerField({ required: 'id is missing', wrong: 'id is wrong' }) id!: number;
  @NestedField(() => InnerDto, { wrong: 'inner is wrong' }) inner?: InnerDto;
  @TextField({ wrong: 'name is wrong' }) name?: string;
}

const pipe = new ActionValidationPipe();
const asBody: ArgumentMetadata = { type: 'body', metatype: BodyDto };

async function transform(members: string): Promise<object> {
  const { body } = decodeEnvelope(Buffer.from(`{"action":"a",${members}}`));
  return (await pipe.transform(body, asBody)) as object;
}

describe('ActionValidationPipe', () => {
  it('gives an instance of the dto without what has no decorator in it', async () => {
    const dto = await transform(
      '"id":1,"requestId":2,"then":{"a":1},"toString":3,"inner":{"first":"x","third":4}',
    );
    expect(dto).toBeInstanceOf(BodyDto);
    expect(Object.keys(dto).toSorted()).toEqual(['id', 'inner']);
    expect(dto).toEqual({ id: 1, inner: { first: 'x' } });
  });

  it.each([
    ['"name":[],"inner":[],"id":[]', 'id is wrong'],
    ['"name":[],"inner":[]', 'id is missing'],
    ['"name":[],"inner":[],"id":1', 'inner is wrong'],
    ['"name":[],"inner":{"second":[],"first":[]},"id":1', 'inner first'],
    ['"name":[],"inner":{"second":[]},"id":1', 'inner second'],
    ['"name":[],"id":1', 'name is wrong'],
  ])('reports the first declared field that is wrong: %s', async (members, message) => {
    await expect(transform(members)).rejects.toMatchObject({ code: 400, message });
  });

  it.each([
    '"__proto__":{"id":1,"polluted":true}',
    '"constructor":{"prototype":{"polluted":true}},"__proto__":null',
    '"\\u005f_proto__":{"id":1,"polluted":true}',
  ])('takes nothing from %s', async (members) => {
    await expect(transform(members)).rejects.toMatchObject({ message: 'id is missing' });
    expect({}).not.toHaveProperty('polluted');
    expect(new BodyDto()).not.toHaveProperty('polluted');
  });

  it.each([
    '"__proto__":{"polluted":true}',
    '"constructor":1,"prototype":2',
    '"inner":{"__proto__":{"second":"x"},"constructor":{"prototype":{"polluted":true}}}',
    '"unknown":{"constructor":{"x":1},"list":[{"constructor":null,"__proto__":[]}]}',
    '"inner":{"unknown":{"constructor":"x"}}',
  ])('gives a plain dto in spite of %s', async (members) => {
    const dto = await transform(`"id":1,${members}`);
    expect(Object.getPrototypeOf(dto)).toBe(BodyDto.prototype);
    const { inner } = dto as BodyDto;
    expect(inner?.second).toBeUndefined();
    expect(inner && Object.getPrototypeOf(inner)).toBe(inner && InnerDto.prototype);
    expect({}).not.toHaveProperty('polluted');
  });

  it.each([
    [{ type: 'custom', metatype: BodyDto }],
    [{ type: 'body', metatype: Object }],
    [{ type: 'body', metatype: Function }],
    [{ type: 'body' }],
  ] as [ArgumentMetadata][])('hands the value on as it is for %o', async (metadata) => {
    const value = { id: [] };
    expect(await pipe.transform(value, metadata)).toBe(value);
  });
});
