import 'reflect-metadata';
import { ValidationPipe } from '@nestjs/common';
import { IsInt, IsString } from 'class-validator';
import { describe, expect, it } from 'vitest';
import { JsonText } from '../../protocol/json-text.js';
import { ActionValidationPipe } from '../action-validation.pipe.js';
import { declaresMembers } from './dto-reader.js';
import { IntegerField, JsonObjectField, NestedField, TextField } from './dto-fields.js';

class InnerDto {
  @TextField({ wrong: 'text is wrong' }) text?: string;
  @IsInt({ message: 'number is no integer' }) number!: number;
}

class OuterDto {
  @NestedField(() => InnerDto, { required: 'inner is missing', wrong: 'inner is no object' })
  inner!: InnerDto;
  @JsonObjectField() data?: JsonText;
  @IsString({ message: 'name is no text' }) name!: string;
}

class TwiceDto {
  @IsInt() @IntegerField() number!: number;
}

const pipes = [
  ['the action pipe', new ActionValidationPipe()],
  ["Nest's pipe", new ValidationPipe({ transform: true, whitelist: true, stopAtFirstError: true })],
] as const;

describe.each(pipes)('a dto with fields and decorators of class-validator, read by %s,', (_, pipe) => {
  const read = async (body: object): Promise<unknown> =>
    pipe.transform(body, { type: 'body', metatype: OuterDto });
  const refusalOf = (body: object) =>
    read(body).then(
      () => undefined,
      (error: { getResponse?(): { message: string[] }; message: string }) =>
        error.getResponse?.().message[0] ?? error.message,
    );

  it('is an instance, and so is the object in it', async () => {
    const dto = await read({ inner: { text: 5, number: 1, other: 2 }, name: 'n', data: { a: [1] } });
    expect(dto).toBeInstanceOf(OuterDto);
    expect((dto as OuterDto).inner).toBeInstanceOf(InnerDto);
    const data = new JsonText('{"a":[1]}');
    expect(dto).toEqual({ inner: { text: '5', number: 1 }, name: 'n', data });
  });

  it.each([
    [{}, 'inner is missing'],
    [{ inner: null }, 'inner is missing'],
    [{ inner: [] }, 'inner is no object'],
    [{ inner: { text: {}, number: 'x' }, name: 'n' }, 'text is wrong'],
    [{ inner: { number: 'x' }, name: 'n' }, 'number is no integer'],
    [{ inner: { number: 1 }, name: 'n', data: [] }, "'parameters' must be JSON Object!"],
    [{ inner: { number: 1 } }, 'name is no text'],
  ])('refuses %j with the text of what is wrong, whichever decorator says so', async (body, text) => {
    expect(await refusalOf(body)).toBe(text);
  });
});

it('a member with decorators of both kinds is refused, with a sentence that says what to do', () => {
  expect(() => declaresMembers(TwiceDto)).toThrow(
    'TwiceDto.number has decorators of nest-devicehive and of class-validator: leave those of one',
  );
});
