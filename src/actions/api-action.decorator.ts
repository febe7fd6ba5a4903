import { SetMetadata } from '@nestjs/common';
import type { ActionError } from '../protocol/action-error.js';
import type { JsonSchema } from '../protocol/json-schema.js';
import type { EventKind } from '../protocol/topics.js';

/** What the API's description says of an action beside what its dto and permission say; all of it may be missing. */
export interface ActionDescription {
  /** what it does, in a sentence without a full stop */
  summary?: string;
  /** members of a success beside the envelope: `{}` for none, any unless told */
  reply?: Record<string, JsonSchema>;
  /** members that only some successes have */
  optionalReply?: Record<string, JsonSchema>;
  /** what it is refused with, beside the 400s of its dto and what any action may be refused with: `[]` for none, any
   * unless told */
  errors?: ActionError[];
  /** what its watchers get */
  event?: EventDescription;
}

export interface EventDescription {
  /** the first level of its topic, after `dh` */
  kind: EventKind;
  summary: string;
  payload: JsonSchema;
}

const DESCRIPTION = 'nest-devicehive:description';

/** Says what a handler answers, for `GET /asyncapi.json` and `GET /docs`. */
export const ApiAction = (description: ActionDescription): MethodDecorator =>
  SetMetadata(DESCRIPTION, description);

export function descriptionOf(handler: object): ActionDescription {
  return (Reflect.getMetadata(DESCRIPTION, handler) ?? {}) as ActionDescription;
}
