type JsonType = 'array' | 'boolean' | 'integer' | 'null' | 'number' | 'object' | 'string';

/** JSON Schema (draft 7), as far as the description of the API uses it. Without any member it stands for any value. */
export interface JsonSchema {
  type?: JsonType | JsonType[];
  description?: string;
  const?: unknown;
  enum?: unknown[];
  oneOf?: JsonSchema[];
  not?: JsonSchema;
  examples?: unknown[];
  /** of numbers; like all bounds below it says nothing of values of other types */
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  format?: string;
  items?: JsonSchema;
  minItems?: number;
  maxItems?: number;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: boolean;
}

/** An object that has all of these members, and perhaps others. */
export function objectOf(properties: Record<string, JsonSchema>, description?: string): JsonSchema {
  return { type: 'object', description, properties, required: Object.keys(properties) };
}

export function listOf(items: JsonSchema, description?: string): JsonSchema {
  return { type: 'array', description, items };
}

/** The same, or `null`. */
export function nullable(schema: JsonSchema): JsonSchema {
  const { type, enum: values } = schema;
  return {
    ...schema,
    ...(type && { type: [type, 'null'].flat() as JsonType[] }),
    ...(values && { enum: [...values, null] }),
  };
}

/** The same, with a description, and perhaps an example. */
export function described(schema: JsonSchema, description?: string, example?: unknown): JsonSchema {
  const examples = example === undefined ? schema.examples : [example];
  return { ...schema, description: description ?? schema.description, examples };
}

export const TEXT: JsonSchema = { type: 'string' };
export const INTEGER: JsonSchema = { type: 'integer' };
export const ANY_OBJECT: JsonSchema = { type: 'object' };

/** As `formatTimestamp` prints it. */
export const TIMESTAMP: JsonSchema = {
  type: 'string',
  pattern: String.raw`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}$`,
  description: 'UTC, without zone',
  examples: ['2026-01-31T12:00:00.000'],
};
