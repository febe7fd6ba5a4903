import 'reflect-metadata';
import { Transform, Type } from 'class-transformer';
import {
  Allow,
  Equals,
  IsArray,
  IsBoolean,
  IsDefined,
  IsEnum,
  IsIn,
  IsInt,
  IsNotEmpty,
  IsNumber,
  IsObject,
  IsOptional,
  IsPositive,
  IsString,
  IsUUID,
  Length,
  Matches,
  Max,
  MaxLength,
  Min,
  registerDecorator,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { decodeEnvelope } from '../../protocol/envelope.js';
import type { JsonSchema } from '../../protocol/json-schema.js';
import { ActionValidationPipe } from '../action-validation.pipe.js';
import * as fields from './dto-fields.js';
import type { Dto } from './dto-reader.js';
import { refusalsOfDto, schemaOfDto } from './dto-schema.js';

const REQUIRED = 'It is missing';
const UUID = '"a0b1c2d3-e4f5-4678-9abc-def012345678"';

class InnerDto {
  @fields.Int32Field() number?: number;
}

class FieldsDto {
  @fields.IntegerField({ min: 1, max: 9, required: REQUIRED, description: 'a digit', example: 7 })
  digit!: number;
  @fields.IntegerField() integer?: number;
  @fields.TextField({ minLength: 1, maxLength: 3, pattern: /^[a-d]+$/, unfit: 'Unfit' }) text?: string;
  @fields.BooleanField() flag?: boolean;
  @fields.IntegerListField() integers?: number[];
  @fields.TextListField() texts?: string[];
  @fields.JsonObjectField() object?: object;
  @fields.TimestampField() timestamp?: Date;
  @fields.NestedField(() => InnerDto) nested?: InnerDto;
}

class SelfDto {
  @IsOptional() @IsObject() @ValidateNested() @Type(() => SelfDto) child?: SelfDto;
}

enum Colour {
  Red = 'red',
  Green = 'green',
}

const IsOdd = (): PropertyDecorator => (target, key) =>
  registerDecorator({
    target: target.constructor,
    propertyName: String(key),
    validator: { validate: (value) => Number(value) % 2 === 1 },
  });

class NestedValidatedDto {
  @IsInt() @Max(3) number!: number;
}

/** As a Nest developer writes one. */
class ValidatedDto {
  @IsInt() @Min(1) @Max(5) integer!: number;
  @IsNumber() @IsPositive() number!: number;
  @IsString() @Length(2, 4) text!: string;
  @IsOptional() @IsString() @MaxLength(3) optional?: string;
  @IsBoolean() flag!: boolean;
  @IsObject() object!: object;
  @IsIn(['a', 1]) oneOf!: string | number;
  @IsOptional() @IsEnum(Colour) colour?: Colour;
  @Equals(5) five!: number;
  @Matches(/^x+$/) exact!: string;
  @Matches(/^x+$/i) inexact!: string;
  @IsUUID() id!: string;
  @IsNotEmpty() filled!: unknown;
  @IsDefined() defined!: unknown;
  @IsArray() @IsInt({ each: true }) list!: number[];
  @IsOptional() @IsObject() @ValidateNested() @Type(() => NestedValidatedDto) nested?: NestedValidatedDto;
  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => NestedValidatedDto)
  nestedList?: NestedValidatedDto[];
  @Type(() => Number) @IsInt() @Max(5) converted!: number;
  @Transform(({ value }) => (value as number) * 2) @IsInt() @Max(5) transformed!: number;
  @ValidateIf(() => false) @IsInt() conditional?: number;
  @IsInt() withDefault = 3;
  @IsOdd() odd!: number;
  @Allow() anything?: unknown;
}

/** What is `undefined` is not there. */
const plain = (schema: JsonSchema) => JSON.parse(JSON.stringify(schema)) as JsonSchema;
const propertiesOf = (dto: Dto) => plain(schemaOfDto(dto)).properties!;

describe('schemaOfDto', () => {
  it('tells what fields accept', () => {
    expect(propertiesOf(FieldsDto)).toEqual({
      digit: {
        type: ['integer', 'string'],
        pattern: String.raw`^-?\d+$`,
        minimum: 1,
        maximum: 9,
        description: 'a digit',
        examples: [7],
      },
      integer: {
        type: ['integer', 'string', 'null'],
        pattern: String.raw`^-?\d+$`,
        minimum: Number.MIN_SAFE_INTEGER,
        maximum: Number.MAX_SAFE_INTEGER,
      },
      text: {
        type: ['string', 'number', 'boolean', 'null'],
        minLength: 1,
        maxLength: 3,
        pattern: '^[a-d]+$',
      },
      flag: { type: ['boolean', 'string', 'null'], pattern: '^(true|false)$' },
      integers: {
        type: ['array', 'null'],
        items: { type: ['integer', 'string'], pattern: String.raw`^-?\d+$` },
      },
      texts: { type: ['array', 'null'], items: { type: 'string' } },
      object: { type: ['object', 'null'] },
      timestamp: { type: ['string', 'integer', 'null'], description: expect.any(String) },
      nested: {
        type: ['object', 'null'],
        required: [],
        properties: {
          number: {
            type: ['integer', 'string', 'null'],
            pattern: String.raw`^-?\d+$`,
            minimum: -(2 ** 31),
            maximum: 2 ** 31 - 1,
          },
        },
      },
    });
    expect(schemaOfDto(FieldsDto).required).toEqual(['digit']);
  });

  it('tells what decorators of class-validator accept', () => {
    expect(propertiesOf(ValidatedDto)).toEqual({
      integer: { type: 'integer', minimum: 1, maximum: 5 },
      number: { type: 'number', exclusiveMinimum: 0 },
      text: { type: 'string', minLength: 2, maxLength: 4 },
      optional: { type: ['string', 'null'], maxLength: 3 },
      flag: { type: 'boolean' },
      object: { type: 'object' },
      oneOf: { enum: ['a', 1] },
      colour: { enum: ['red', 'green', null] },
      five: { const: 5 },
      exact: { type: 'string', pattern: '^x+$' },
      inexact: { type: 'string' },
      id: { type: 'string', format: 'uuid' },
      filled: { minLength: 1 },
      defined: {},
      list: { type: 'array', items: { type: 'integer' } },
      nested: {
        type: ['object', 'null'],
        properties: { number: { type: 'integer', maximum: 3 } },
        required: ['number'],
      },
      nestedList: {
        type: ['array', 'null'],
        items: {
          type: 'object',
          properties: { number: { type: 'integer', maximum: 3 } },
          required: ['number'],
        },
      },
      converted: { type: ['string', 'number', 'boolean'], maximum: 5 },
      transformed: {},
      conditional: {},
      withDefault: { type: 'integer' },
      odd: {},
      anything: {},
    });
  });

  it('requires what the decorators refuse to miss, but not what has a default', () => {
    expect(schemaOfDto(ValidatedDto).required).toEqual([
      'integer',
      'number',
      'text',
      'flag',
      'object',
      'oneOf',
      'five',
      'exact',
      'inexact',
      'id',
      'filled',
      'defined',
      'list',
      'converted',
      'transformed',
    ]);
  });

  it('requires no member to which the class of the dto gives a value', () => {
    class DefaultsDto {
      @fields.IntegerField({ required: REQUIRED }) given = 5;
      @fields.IntegerField({ required: REQUIRED }) asked!: number;
    }
    expect(schemaOfDto(DefaultsDto).required).toEqual(['asked']);
  });

  it('ends where a dto is inside itself', () => {
    expect(propertiesOf(SelfDto)).toEqual({ child: { type: ['object', 'null'] } });
  });

  it('tells the texts of the refusals', () => {
    expect(refusalsOfDto(FieldsDto)).toEqual([
      REQUIRED,
      'Malformed Json received.',
      'Unfit',
      "'parameters' must be JSON Object!",
    ]);
  });
});

describe('what the pipe takes is valid by the schema', () => {
  const VALUES =
    'null true "true" "" "a" "abcd" "xX" "xx" "12" "red" 0 1 5 6 1.5 5.0 1e3 -3 {} [] [1] ["a"] [{}] "2018-02-08"'
      .split(' ')
      .concat('{"number":2}', '{"number":9}', '[{"number":2}]', '{"child":{"child":{}}}', UUID);
  const VALIDATED = {
    integer: '1',
    number: '1',
    text: '"aa"',
    flag: 'true',
    object: '{}',
    oneOf: '"a"',
    five: '5',
    odd: '1',
    exact: '"x"',
    inexact: '"X"',
    id: UUID,
    filled: '1',
    defined: '1',
    list: '[1]',
    converted: '1',
    transformed: '1',
  };
  const ajv = new Ajv({ strict: false, validateFormats: false });
  const pipe = new ActionValidationPipe();

  it.each<[string, Dto, Record<string, string>]>([
    ['fields', FieldsDto, { digit: '1' }],
    ['class-validator', ValidatedDto, VALIDATED],
    ['a dto in itself', SelfDto, {}],
  ])('with %s', async (_, dto, valid) => {
    const isValid = ajv.compile(plain(schemaOfDto(dto)));
    let taken = 0;
    for (const key of Object.keys(schemaOfDto(dto).properties!)) {
      for (const value of [undefined, ...VALUES]) {
        const members = Object.entries({ ...valid, [key]: value }).filter(([, json]) => json !== undefined);
        const json = `{${members.map(([name, json]) => `"${name}":${json}`).join()}}`;
        if (!(await isTaken(dto, json))) continue;
        taken++;
        expect(isValid(JSON.parse(json)), `${key} ${value}: ${ajv.errorsText(isValid.errors)}`).toBe(true);
      }
    }
    expect(taken).toBeGreaterThan(2 * Object.keys(schemaOfDto(dto).properties!).length);
  });

  async function isTaken(dto: Dto, json: string): Promise<boolean> {
    const { body } = decodeEnvelope(Buffer.from(`{"action":"a",${json.slice(1)}`.replace(',}', '}')));
    try {
      await pipe.transform(body, { type: 'body', metatype: dto });
      return true;
    } catch {
      return false;
    }
  }
});
