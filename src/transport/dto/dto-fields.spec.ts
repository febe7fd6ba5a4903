import 'reflect-metadata';
import { describe, expect, it } from 'vitest';
import { JsonText } from '../../protocol/json-text.js';
import { decodeEnvelope } from '../../protocol/envelope.js';
import { ActionValidationPipe } from '../action-validation.pipe.js';
import {
  Int32Field,
  IntegerField,
  JsonObjectField,
  NestedField,
  TextField,
  TextListField,
  TimestampField,
} from './dto-fields.js';

const REQUIRED = 'It is missing';
const MALFORMED = 'Malformed Json received.';

class DeepDto {
  @JsonObjectField() data?: JsonText;
}

class InnerDto {
  @IntegerField() number?: number;
  @JsonObjectField() data?: JsonText;
}

class OuterDto {
  @NestedField(() => DeepDto) deep?: DeepDto;
}

class FieldsDto {
  @IntegerField() integer?: number;
  @IntegerField({ min: 1, max: 9, wrong: 'From 1 to 9' }) digit?: number;
  @Int32Field() int32?: number;
  @TextField() text?: string;
  @TextField({ minLength: 1, maxLength: 3, pattern: /^[a-d1-9]*$/, unfit: 'Unfit', wrong: 'No text' })
  short?: string;
  @TextListField() texts?: string[];
  @TextListField({ minLength: 1, maxLength: 3, pattern: /^[a-d1-9]*$/, unfit: 'Unfit', wrong: 'No text' })
  shorts?: string[];
  @JsonObjectField() object?: JsonText;
  @TimestampField() timestamp?: Date;
  @NestedField(() => InnerDto) nested?: InnerDto;
  @NestedField(() => OuterDto) outer?: OuterDto;
}

/** The field's value in the dto, or the text of the 400; `json` is what the client wrote. */
async function read(dto: new () => object, name: string, json: string): Promise<unknown> {
  const { body } = decodeEnvelope(Buffer.from(`{"action":"a","${name}":${json}}`));
  try {
    const result = await new ActionValidationPipe().transform(body, { type: 'body', metatype: dto });
    return (result as Record<string, unknown>)[name];
  } catch (error) {
    return `400 ${(error as Error).message}`;
  }
}

describe('IntegerField', () => {
  it.each([
    ['12', 12],
    ['"12"', 12],
    ['5.0', 5],
    ['1e3', 1000],
    ['-1', -1],
    ['"-1"', -1],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['"-9007199254740991"', Number.MIN_SAFE_INTEGER],
    ['null', null],
  ])('reads %s', async (json, expected) => expect(await read(FieldsDto, 'integer', json)).toBe(expected));

  it.each([
    '1.5',
    '9007199254740992',
    '9007199254740993',
    '"9007199254740993"',
    '-9007199254740992',
    '1e300',
    '"12abc"',
    '"abc"',
    '"1.5"',
    '" 12"',
    '""',
    '"0x1f"',
    'true',
    'false',
    '[]',
    '[12]',
    '{}',
    // JSON.parse rounds their fractions away.
    '1.00000000000000000001',
    '4503599627370497.2',
  ])('refuses %s', async (json) => expect(await read(FieldsDto, 'integer', json)).toBe(`400 ${MALFORMED}`));

  it.each([
    ['1', 1],
    ['"9"', 9],
    ['0', '400 From 1 to 9'],
    ['10', '400 From 1 to 9'],
  ])('keeps to its bounds: %s', async (json, expected) => {
    expect(await read(FieldsDto, 'digit', json)).toBe(expected);
  });
});

describe('Int32Field', () => {
  it.each([
    ['2147483647', 2_147_483_647],
    ['-2147483648', -2_147_483_648],
    ['2147483648', `400 ${MALFORMED}`],
    ['-2147483649', `400 ${MALFORMED}`],
  ])('reads %s as %s', async (json, expected) => {
    expect(await read(FieldsDto, 'int32', json)).toBe(expected);
  });
});

describe('TextField', () => {
  it.each([
    ['"text"', 'text'],
    ['""', ''],
    ['12', '12'],
    ['-1.5', '-1.5'],
    ['5.0', '5.0'],
    ['1e3', '1e3'],
    ['9007199254740993', '9007199254740993'],
    ['1'.repeat(400), '1'.repeat(400)],
    ['true', 'true'],
    ['false', 'false'],
    ['null', null],
    ['[]', `400 ${MALFORMED}`],
    ['{}', `400 ${MALFORMED}`],
  ])('reads %s as %j', async (json, expected) => {
    expect(await read(FieldsDto, 'text', json)).toBe(expected);
  });

  it.each([
    ['"abc"', 'abc'],
    ['"abcd"', '400 Unfit'],
    ['""', '400 Unfit'],
    ['"xyz"', '400 Unfit'],
    ['12345', '400 Unfit'],
    ['[]', '400 No text'],
  ])('answers %s with %j where it has texts of its own', async (json, expected) => {
    expect(await read(FieldsDto, 'short', json)).toBe(expected);
  });
});

describe('TextListField', () => {
  it.each([
    ['["a","","ü"]', ['a', '', 'ü']],
    ['[]', []],
    ['null', null],
    ['"a"', `400 ${MALFORMED}`],
    ['{}', `400 ${MALFORMED}`],
    ['5', `400 ${MALFORMED}`],
    ['["a",5]', `400 ${MALFORMED}`],
    ['["a",null]', `400 ${MALFORMED}`],
    ['[["a"]]', `400 ${MALFORMED}`],
  ])('reads %s as %j', async (json, expected) => {
    expect(await read(FieldsDto, 'texts', json)).toEqual(expected);
  });

  it.each([
    ['["abc","a"]', ['abc', 'a']],
    ['["a","abcd"]', '400 Unfit'],
    ['["a",""]', '400 Unfit'],
    ['["xyz"]', '400 Unfit'],
    ['["a",5]', '400 No text'],
  ])('answers %s with %j where its texts have bounds', async (json, expected) => {
    expect(await read(FieldsDto, 'shorts', json)).toEqual(expected);
  });
});

describe('JsonObjectField', () => {
  it.each([
    '{}',
    '{ "id" : 18446744073709551615, "list": [1.50, {"x": 1e2}] }',
    '{"__proto__":{"a":1},"constructor":{"b":2},"toJSON":3,"then":4}',
    '{"text":"}\\",{\\u00fc"}',
  ])('keeps %s as it was written', async (json) => {
    expect(await read(FieldsDto, 'object', json)).toEqual(new JsonText(json));
    expect(await read(FieldsDto, 'nested', `{"data": ${json} }`)).toEqual({ data: new JsonText(json) });
  });

  it('keeps an object of any level as it was written', async () => {
    const outer = await read(FieldsDto, 'outer', '{"deep":{"data":{"id":18446744073709551615}}}');
    expect(outer).toEqual({ deep: { data: new JsonText('{"id":18446744073709551615}') } });
  });

  it.each(['[]', '"{}"', '5', 'true'])("refuses %s in the original's words", async (json) => {
    expect(await read(FieldsDto, 'object', json)).toBe("400 'parameters' must be JSON Object!");
  });

  it('takes null for absent', async () => expect(await read(FieldsDto, 'object', 'null')).toBeNull());
});

describe('TimestampField', () => {
  it.each([
    ['"2018-02-08T15:26:30.123"', new Date('2018-02-08T15:26:30.123Z')],
    ['1518103590123', new Date(1_518_103_590_123)],
    ['""', null],
    ['null', null],
    ['"2018-02-08  15:26:30"', `400 ${MALFORMED}`],
    ['1.5', `400 ${MALFORMED}`],
    ['true', `400 ${MALFORMED}`],
    ['{}', `400 ${MALFORMED}`],
  ])('reads %s as %j', async (json, expected) => {
    expect(await read(FieldsDto, 'timestamp', json)).toEqual(expected);
  });
});

describe('NestedField', () => {
  it('gives an instance of its dto', async () => {
    const nested = await read(FieldsDto, 'nested', '{"number":"7","unknown":1}');
    expect(nested).toBeInstanceOf(InnerDto);
    expect(nested).toEqual({ number: 7 });
  });

  it.each(['[]', '"{}"', '5', '{"number":1.5}', '{"number":[]}'])('refuses %s', async (json) => {
    expect(await read(FieldsDto, 'nested', json)).toBe(`400 ${MALFORMED}`);
  });

  it('gives the text of the field that is wrong inside', async () => {
    expect(await read(FieldsDto, 'nested', '{"data":[]}')).toBe("400 'parameters' must be JSON Object!");
  });
});

describe('a required field', () => {
  class RequiredDto {
    @IntegerField({ required: REQUIRED }) integer!: number;
  }
  class RequiredTextDto {
    @TextField({ required: REQUIRED }) text!: string;
  }
  class RequiredTextListDto {
    @TextListField({ required: REQUIRED }) texts!: string[];
  }
  class RequiredObjectDto {
    @JsonObjectField({ required: REQUIRED }) object!: JsonText;
  }
  class RequiredTimestampDto {
    @TimestampField({ required: REQUIRED }) timestamp!: Date;
  }
  class RequiredNestedDto {
    @NestedField(() => InnerDto, { required: REQUIRED }) nested!: InnerDto;
  }

  it.each([
    ['integer', RequiredDto, '"x"', MALFORMED],
    ['text', RequiredTextDto, '[]', MALFORMED],
    ['texts', RequiredTextListDto, '5', MALFORMED],
    ['object', RequiredObjectDto, '[]', "'parameters' must be JSON Object!"],
    ['timestamp', RequiredTimestampDto, '"x"', MALFORMED],
    ['nested', RequiredNestedDto, '[]', MALFORMED],
  ])('tells absent from wrong: %s', async (name, dto, wrong, text) => {
    expect(await read(dto, name, 'null')).toBe(`400 ${REQUIRED}`);
    expect(await read(dto, 'other', '1')).toBe(`400 ${REQUIRED}`);
    expect(await read(dto, name, wrong)).toBe(`400 ${text}`);
  });

  it('is there with a value that is empty or zero, but for a timestamp', async () => {
    expect(await read(RequiredTextDto, 'text', '""')).toBe('');
    expect(await read(RequiredDto, 'integer', '0')).toBe(0);
    expect(await read(RequiredTimestampDto, 'timestamp', '""')).toBe(`400 ${REQUIRED}`);
  });
});
