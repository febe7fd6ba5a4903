import type { JsonSchema } from '../protocol/json-schema.js';

/** A member of an object or of one inside it, in words. */
export interface SchemaRow {
  /** `command.status`, `commands[].id` */
  path: string;
  type: string;
  bounds: string[];
  isRequired: boolean;
  description?: string;
}

/**
 * @param isRequest where `null` counts as absent, and has to be said what is wrong; a reply has all of its members
 * @param prefix of the path
 */
export function rowsOf(schema: JsonSchema, isRequest = false, prefix = ''): SchemaRow[] {
  const { properties = {}, required = [] } = schema;
  return Object.entries(properties).flatMap(([key, schema]) => {
    const path = prefix + key;
    const { description } = schema;
    const isRequired = isRequest && required.includes(key);
    const type = typeOf(schema) + (!isRequest && mayBeNull(schema) ? ' or null' : '');
    return [
      { path, type, bounds: isRequest ? boundsOf(schema) : [], isRequired, description },
      ...rowsOf(schema, isRequest, `${path}.`),
      ...rowsOf(schema.items ?? {}, isRequest, `${path}[].`),
    ];
  });
}

/** The form to send it in; others that are accepted are said once for all. */
function typeOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' or ');
  const [type = 'any'] = [schema.type ?? []].flat();
  return type === 'array' ? `list of ${plural(typeOf(schema.items ?? {}))}` : type;
}

const plural = (type: string): string => (/^(integer|number|object|string)$/.test(type) ? `${type}s` : type);

const mayBeNull = ({ type }: JsonSchema): boolean => Array.isArray(type) && type.includes('null');

function boundsOf(schema: JsonSchema): string[] {
  const { minimum = -Infinity, maximum = Infinity, minLength, maxLength, minItems, maxItems } = schema;
  const bounds = [
    (Number.isFinite(minimum) || Number.isFinite(maximum)) &&
      (minimum > Number.MIN_SAFE_INTEGER || maximum < Number.MAX_SAFE_INTEGER) &&
      range(Number.isFinite(minimum) ? minimum : undefined, Number.isFinite(maximum) ? maximum : undefined),
    (minLength ?? maxLength) !== undefined && `${range(minLength, maxLength)} characters`,
    (minItems ?? maxItems) !== undefined && `${range(minItems, maxItems)} items`,
    schema.exclusiveMinimum !== undefined && `above ${schema.exclusiveMinimum}`,
    schema.exclusiveMaximum !== undefined && `below ${schema.exclusiveMaximum}`,
    schema.format,
    [schema.type].flat()[0] === 'string' && schema.pattern !== undefined && `\`${schema.pattern}\``,
  ];
  return bounds.filter((bound) => typeof bound === 'string');
}

function range(least?: number, most?: number): string {
  if (most === undefined) return `at least ${least}`;
  return least === undefined ? `at most ${most}` : `${least} to ${most}`;
}
