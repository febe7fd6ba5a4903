import type { JsonSchema } from '../protocol/json-schema.js';

/** A value that is valid: its required members, and those that have an example of their own. */
export function exampleOf(schema: JsonSchema): unknown {
  if ('const' in schema) return schema.const;
  const [first] = schema.examples ?? schema.enum ?? [];
  if (first !== undefined) return first;
  if (schema.oneOf) return exampleOf(schema.oneOf[0]!);
  switch ([schema.type].flat()[0]) {
    case 'object':
      return objectExample(schema);
    case 'array':
      return [exampleOf(schema.items ?? {})];
    case 'integer':
    case 'number':
      return Math.max(schema.minimum ?? 1, 1);
    case 'boolean':
      return false;
    case 'null':
      return null;
    default:
      return 'text';
  }
}

function objectExample({ properties = {}, required = [] }: JsonSchema): object {
  const shown = Object.entries(properties).filter(
    ([key, { examples }]) => examples || required.includes(key),
  );
  return Object.fromEntries(shown.map(([key, property]) => [key, exampleOf(property)]));
}
