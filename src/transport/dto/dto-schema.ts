import { type JsonSchema, nullable } from '../../protocol/json-schema.js';
import { type Dto, fieldsOf } from './dto-reader.js';
import { validatedProperties } from './validated-schema.js';

/**
 * What a dto accepts, by its decorators: members that it does not name are ignored. What a decorator does not tell is
 * any value, so whatever the service takes is valid here.
 * @param parents the dtos around this one: where one is inside itself, the description ends
 */
export function schemaOfDto(dto: Dto, parents: Dto[] = []): JsonSchema {
  if (parents.includes(dto)) return { type: 'object' };
  const inside = (nested: Dto) => schemaOfDto(nested, [...parents, dto]);
  const fields = fieldsOf(dto.prototype as object);
  const defaults = new dto() as Record<string, unknown>;
  const properties: Record<string, JsonSchema> = {};
  const required: string[] = [];
  for (const [key, { schema = {}, required: isRequired, nested }] of fields) {
    const own = nested ? { ...schema, ...inside(nested()) } : schema;
    properties[key] = isRequired ? own : nullable(own);
    if (isRequired && defaults[key] == null) required.push(key);
  }
  for (const [key, property] of validatedProperties(dto, inside)) {
    if (fields.has(key)) continue;
    properties[key] = property.schema;
    if (property.isRequired) required.push(key);
  }
  return { type: 'object', properties, required };
}

/** The texts of a dto's 400s, as far as its fields tell them. */
export function refusalsOfDto(dto: Dto, parents: Dto[] = []): string[] {
  if (parents.includes(dto)) return [];
  const fields = [...fieldsOf(dto.prototype as object).values()];
  const texts = fields.flatMap(({ refusals = [], nested }) => [
    ...refusals,
    ...(nested ? refusalsOfDto(nested(), [...parents, dto]) : []),
  ]);
  return [...new Set(texts)];
}
