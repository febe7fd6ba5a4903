import { TransformationType } from 'class-transformer';
import { defaultMetadataStorage } from 'class-transformer/cjs/storage.js';
import { getMetadataStorage, IS_OPTIONAL, ValidationTypes } from 'class-validator';
import { type JsonSchema, listOf, nullable } from '../../protocol/json-schema.js';
import type { Dto } from './dto-reader.js';

type Metadata = ReturnType<ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']>[number];
type Constraint = string & number & RegExp & unknown[];

/** What class-validator's decorators accept, by name. They all refuse a value that is missing. */
const RULES: Record<string, (first: Constraint, second: Constraint) => JsonSchema> = {
  isDefined: () => ({}),
  isString: () => ({ type: 'string' }),
  isInt: () => ({ type: 'integer' }),
  isNumber: () => ({ type: 'number' }),
  isBoolean: () => ({ type: 'boolean' }),
  isObject: () => ({ type: 'object' }),
  isArray: () => ({ type: 'array' }),
  isIn: (values) => ({ enum: [...values] }),
  isEnum: (_entity, values) => ({ enum: [...values] }),
  equals: (value) => ({ const: value }),
  isNotEmpty: () => ({ minLength: 1 }),
  min: (minimum) => ({ type: 'number', minimum }),
  max: (maximum) => ({ type: 'number', maximum }),
  isPositive: () => ({ type: 'number', exclusiveMinimum: 0 }),
  isNegative: () => ({ type: 'number', exclusiveMaximum: 0 }),
  minLength: (minLength) => ({ type: 'string', minLength }),
  maxLength: (maxLength) => ({ type: 'string', maxLength }),
  isLength: (minLength, maxLength) => ({ type: 'string', minLength, maxLength }),
  matches: ({ source, flags }) => ({ type: 'string', pattern: flags === '' ? source : undefined }),
  isUuid: () => ({ type: 'string', format: 'uuid' }),
  isEmail: () => ({ type: 'string', format: 'email' }),
  isUrl: () => ({ type: 'string', format: 'uri' }),
  isIso8601: () => ({ type: 'string' }),
  arrayNotEmpty: () => ({ type: 'array', minItems: 1 }),
  arrayMinSize: (minItems) => ({ type: 'array', minItems }),
  arrayMaxSize: (maxItems) => ({ type: 'array', maxItems }),
};

/** Classes by which class-transformer's `@Type` converts a value before class-validator looks at it. */
const CONVERTERS: unknown[] = [String, Number, Boolean, Date];

export interface ValidatedProperty {
  schema: JsonSchema;
  isRequired: boolean;
}

/**
 * The properties of a dto that class-validator knows. `@ValidateNested` alone takes an object for a list and a list for an
 * object, which nobody means and which is not told.
 * @param inside gives the schema of a dto in it
 */
export function validatedProperties(
  dto: Dto,
  inside: (nested: Dto) => JsonSchema,
): Map<string, ValidatedProperty> {
  const byKey = new Map<string, Metadata[]>();
  for (const rule of getMetadataStorage().getTargetValidationMetadatas(dto, '', false, false)) {
    byKey.set(rule.propertyName, [...(byKey.get(rule.propertyName) ?? []), rule]);
  }
  const defaults = new dto() as Record<string, unknown>;
  const properties = new Map<string, ValidatedProperty>();
  for (const [key, rules] of byKey) {
    const property = propertyOf(dto, key, rules, inside);
    properties.set(key, { ...property, isRequired: property.isRequired && defaults[key] === undefined });
  }
  return properties;
}

function propertyOf(
  dto: Dto,
  key: string,
  rules: Metadata[],
  inside: (nested: Dto) => JsonSchema,
): ValidatedProperty {
  const conditions = rules.filter(({ type }) => type === ValidationTypes.CONDITIONAL_VALIDATION);
  // With a condition of its own nobody can say when the rules apply.
  if (conditions.some(({ name }) => name !== IS_OPTIONAL)) return { schema: {}, isRequired: false };
  const known = rules.filter(({ name = '' }) => Object.hasOwn(RULES, name));
  const isRequired = known.length > 0 && conditions.length === 0;
  if (isTransformed(dto, key)) return { schema: {}, isRequired };
  const converter: unknown = defaultMetadataStorage.findTypeMetadata(dto, key)?.typeFunction();
  const items = known.filter(({ each }) => each);
  const whole = known.filter(({ each }) => !each);
  let schema = schemaOf(whole, converter);
  if (items.length > 0) schema = { ...schema, ...listOf(schemaOf(items, converter)) };
  const nested = rules.find(({ type }) => type === ValidationTypes.NESTED_VALIDATION);
  if (nested && typeof converter === 'function') {
    const isList = nested.each || Reflect.getMetadata('design:type', dto.prototype as object, key) === Array;
    const object = inside(converter as Dto);
    schema = { ...schema, ...(isList ? listOf(object) : object) };
  }
  return { schema: isRequired ? schema : nullable(schema), isRequired };
}

function schemaOf(rules: Metadata[], converter: unknown): JsonSchema {
  let schema: JsonSchema = {};
  for (const { name, constraints } of rules) {
    const [first, second] = (constraints ?? []) as Constraint[];
    const next = RULES[name!]!(first!, second!);
    const isInteger = schema.type === 'integer' && next.type === 'number';
    schema = { ...schema, ...next, ...((isInteger || !next.type) && { type: schema.type }) };
  }
  if (!CONVERTERS.includes(converter) || Object.keys(schema).length === 0) return schema;
  return { ...schema, type: ['string', 'number', 'boolean'], enum: undefined, const: undefined };
}

/** By a function, of which nobody can say what it takes. */
function isTransformed(dto: Dto, key: string): boolean {
  const metadata = defaultMetadataStorage.findTransformMetadatas(dto, key, TransformationType.PLAIN_TO_CLASS);
  return metadata.length > 0;
}
