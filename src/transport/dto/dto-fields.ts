import { MALFORMED_JSON } from '../../protocol/action-error.js';
import { isJsonObject } from '../../protocol/json-object.js';
import { ANY_OBJECT, described, type JsonSchema, listOf } from '../../protocol/json-schema.js';
import { JsonText, memberText, membersOf } from '../../protocol/json-text.js';
import { parseTimestamp } from '../../protocol/timestamps.js';
import { type Field, readDto, Refused } from './dto-reader.js';
import { ReadWith } from './read-with.js';

/**
 * Fields of action dtos, as lenient as DeviceHive where that is harmless and strict where it would corrupt
 * (`docs/compatibility.md`). In all of them an absent or `null` member is `undefined` or `null` in the dto, and is
 * refused only where `required` gives the text to refuse it with.
 */
export interface FieldOptions {
  /**
   * the 400's text for an absent or `null` member; without it the field is optional. A property with a value in the class is
   * never absent.
   */
  required?: string;
  /** the 400's text for a value of the wrong form; `Malformed Json received.` unless told */
  wrong?: string;
  /** for the API's description: what the value means, without a full stop */
  description?: string;
  /** a value that makes sense, also for the API's description */
  example?: unknown;
}

/**
 * @param schema what is accepted, `null` aside
 * @param read what becomes of a value that is not null: `undefined` for one of the wrong form, or `Refused` with a text of
 *   its own; `null` counts as absent
 */
function field(
  options: FieldOptions & { unfit?: string },
  schema: JsonSchema,
  read: Field['read'],
  nested?: Field['nested'],
): PropertyDecorator {
  const { required, wrong = MALFORMED_JSON, unfit, description, example } = options;
  const field: Field = {
    schema: described(schema, description, example),
    refusals: [required, wrong, unfit].filter((text) => text !== undefined),
    read: (value, parent, key) => {
      const made = read(value, parent, key);
      return made === undefined ? new Refused(wrong) : made;
    },
    required,
    nested,
  };
  return ReadWith(field);
}

/** How an integer may be written as text. */
const INTEGER_TEXT = /^-?\d+$/;
const INTEGER_OR_TEXT: JsonSchema = { type: ['integer', 'string'], pattern: INTEGER_TEXT.source };

/**
 * An integer; `"12"` and `5.0` are accepted. Beyond 2^53 JavaScript cannot hold it exactly, so it is refused, as
 * is a fraction that `JSON.parse` has rounded away.
 */
export function IntegerField(options: FieldOptions & { min?: number; max?: number } = {}): PropertyDecorator {
  const { min = Number.MIN_SAFE_INTEGER, max = Number.MAX_SAFE_INTEGER } = options;
  return field(options, { ...INTEGER_OR_TEXT, minimum: min, maximum: max }, (value, parent, key) => {
    const source = typeof value === 'number' ? memberText(parent, key)?.text : undefined;
    const isRounded = source !== undefined && /\.\d*[1-9]/.test(source) && !/e/i.test(source);
    const number = typeof value === 'string' && INTEGER_TEXT.test(value) ? Number(value) : value;
    const fits = Number.isSafeInteger(number) && (number as number) >= min && (number as number) <= max;
    return fits && !isRounded ? number : undefined;
  });
}

/** A 32-bit integer, as DeviceHive's `lifetime`. */
export function Int32Field(options: FieldOptions = {}): PropertyDecorator {
  return IntegerField({ ...options, min: -(2 ** 31), max: 2 ** 31 - 1 });
}

export interface TextOptions extends FieldOptions {
  minLength?: number;
  maxLength?: number;
  /** without flags */
  pattern?: RegExp;
  /** the 400's text for a text beyond these bounds; that of `wrong` unless told */
  unfit?: string;
}

/** Text; numbers and booleans are turned into theirs as it was written, as the original does. */
export function TextField(options: TextOptions = {}): PropertyDecorator {
  const schema: JsonSchema = { type: ['string', 'number', 'boolean'], ...boundsOf(options) };
  return field(options, schema, (value, parent, key) => {
    if (!['string', 'number', 'boolean'].includes(typeof value)) return undefined;
    const text = typeof value === 'string' ? value : (memberText(parent, key)?.text ?? String(value));
    return isWithin(text, options) ? text : unfitFor(options);
  });
}

/** `true` or `false`, also as text, as the original takes them. */
export function BooleanField(options: FieldOptions = {}): PropertyDecorator {
  return field(options, { type: ['boolean', 'string'], pattern: '^(true|false)$' }, (value) => {
    if (value === 'true' || value === 'false') return value === 'true';
    return typeof value === 'boolean' ? value : undefined;
  });
}

/** A list of integers; `"12"` is accepted. */
export function IntegerListField(options: FieldOptions = {}): PropertyDecorator {
  return field(options, listOf(INTEGER_OR_TEXT), (value) => {
    if (!Array.isArray(value)) return undefined;
    const numbers = value.map((item: unknown) =>
      typeof item === 'string' && INTEGER_TEXT.test(item) ? Number(item) : item,
    );
    return numbers.every(Number.isSafeInteger) ? numbers : undefined;
  });
}

/**
 * A list of texts, each within the bounds. Numbers in it are refused: where they stand in a list, how they were written
 * is not known.
 */
export function TextListField(options: TextOptions = {}): PropertyDecorator {
  return field(options, listOf({ type: 'string', ...boundsOf(options) }), (value) => {
    if (!Array.isArray(value) || !value.every((text) => typeof text === 'string')) return undefined;
    return value.every((text) => isWithin(text, options)) ? value : unfitFor(options);
  });
}

const boundsOf = ({ minLength, maxLength, pattern }: TextOptions): JsonSchema => ({
  minLength,
  maxLength,
  pattern: pattern?.source,
});

function isWithin(text: string, { minLength = 0, maxLength = Infinity, pattern }: TextOptions): boolean {
  return text.length >= minLength && text.length <= maxLength && (pattern?.test(text) ?? true);
}

const unfitFor = ({ unfit }: TextOptions): Refused | undefined =>
  unfit === undefined ? undefined : new Refused(unfit);

/**
 * A JSON object of any content, kept as `JsonText`: as it was written, if that is known. The original says `'parameters'`
 * whatever the field's name.
 */
export function JsonObjectField(options: FieldOptions = {}): PropertyDecorator {
  const withText = { wrong: "'parameters' must be JSON Object!", ...options };
  return field(withText, ANY_OBJECT, (value, parent, key) =>
    isJsonObject(value) ? (memberText(parent, key) ?? new JsonText(JSON.stringify(value))) : undefined,
  );
}

const A_TIME = 'ISO 8601 (UTC unless it has a zone), a date, RFC 1123, or whole epoch milliseconds';

/** A point in time in any of DeviceHive's forms, as `Date`; `""` counts as absent. */
export function TimestampField(options: FieldOptions = {}): PropertyDecorator {
  return field({ description: A_TIME, ...options }, { type: ['string', 'integer'] }, (value) => {
    if (value === '') return null;
    return typeof value === 'string' || typeof value === 'number' ? parseTimestamp(value) : undefined;
  });
}

/** An object with fields of its own. */
export function NestedField(dto: () => new () => object, options: FieldOptions = {}): PropertyDecorator {
  const read = (value: unknown, parent: object) => {
    if (!isJsonObject(value)) return undefined;
    // The object learns its text from that of its parent.
    membersOf(parent);
    return readDto(dto(), value);
  };
  return field(options, ANY_OBJECT, read, dto);
}
