import { PATTERN_EXTRAS_METADATA } from '@nestjs/microservices/constants.js';
import { descriptionOf, type EventDescription } from '../actions/api-action.decorator.js';
import type { Handler } from '../actions/handlers.js';
import { ownActions } from '../actions/index.js';
import { payloadsOf } from '../actions/payloads.js';
import { type Requirement, requirementOf } from '../auth/require-permission.decorator.js';
import {
  accessDenied,
  ActionError,
  actionTimeout,
  databaseAway,
  foreignTopic,
  internalError,
  invalidCredentials,
  malformed,
  overloaded,
  replyTooLarge,
  requestTooLarge,
  retainedRequest,
  stopping,
  tokenExpired,
  unauthorized,
} from '../protocol/action-error.js';
import type { JsonSchema } from '../protocol/json-schema.js';
import { isDto } from '../transport/action-validation.pipe.js';
import type { ActionExtras } from '../transport/devicehive.context.js';
import { refusalsOfDto, schemaOfDto } from '../transport/dto/dto-schema.js';

/** All that the code says of an action to those who call it. */
export interface DescribedAction {
  /** `command/update` */
  action: string;
  summary?: string;
  requirement: Requirement;
  isRepeatable: boolean;
  /** the payload of a request */
  request: JsonSchema;
  /** the payload of a success */
  reply: JsonSchema;
  /** the payload of a refusal */
  refusal: JsonSchema;
  /** the texts of the refusals, by code */
  refusals: Map<number, string[]>;
  /** it does not say with what else it is refused */
  hasOtherRefusals: boolean;
  event?: EventDescription;
}

/**
 * In the alphabet's order.
 * @param maxRequestBytes of a request, above which any action refuses it
 */
export function describeActions(handlers: Handler[], maxRequestBytes: number): DescribedAction[] {
  const tooLarge = requestTooLarge(maxRequestBytes);
  return handlers
    .flatMap((handler) => handler.actions.map((action) => describeAction(handler, action, tooLarge)))
    .toSorted((a, b) => (a.action < b.action ? -1 : 1));
}

function describeAction(handler: Handler, action: string, tooLarge: ActionError): DescribedAction {
  const { summary, reply, optionalReply, errors, event } = descriptionOf(handler.method);
  const requirement = requirementOf(handler.method) ?? null;
  const extras = Reflect.getMetadata(PATTERN_EXTRAS_METADATA, handler.method) as ActionExtras | undefined;
  const body = bodyOf(handler);
  const refusals = byCode([
    ...(requirement ? REFUSED : []),
    ...(errors ?? []),
    ...(ownActions.has(action) ? [] : [actionTimeout('<n>')]),
    ...ANY_ERRORS,
    tooLarge,
    ...body.errors,
  ]);
  return {
    action,
    summary,
    requirement,
    isRepeatable: extras?.isRepeatable === true,
    request: requestOf(action, requirement, body.schema),
    reply: replyOf(action, reply, optionalReply),
    refusal: refusalOf({ const: action }, refusals, errors === undefined),
    refusals,
    hasOtherRefusals: errors === undefined,
    event,
  };
}

const OTHERS = 'the action does not say which';

export const REQUEST_ID: JsonSchema = {
  description: 'any JSON value, which the reply repeats; `null` where there was none',
  examples: ['42'],
};

const TOKEN: JsonSchema = {
  type: ['string', 'null'],
  description: "an access token, which counts instead of the connection's session",
};

function requestOf(action: string, requirement: Requirement, body: JsonSchema): JsonSchema {
  return {
    type: 'object',
    properties: {
      action: { const: action },
      requestId: REQUEST_ID,
      ...body.properties,
      ...(requirement && { token: TOKEN }),
    },
    required: ['action', ...(body.required ?? [])],
  };
}

function replyOf(
  action: string,
  members?: Record<string, JsonSchema>,
  optional?: Record<string, JsonSchema>,
): JsonSchema {
  const envelope = { action: { const: action }, requestId: REQUEST_ID, status: { const: 'success' } };
  return {
    type: 'object',
    properties: { ...envelope, ...members, ...optional },
    required: [...Object.keys(envelope), ...Object.keys(members ?? {})],
    ...(members
      ? {}
      : { additionalProperties: true, description: 'beside these any members, not described' }),
  };
}

/**
 * @param action schema of the member `action`
 * @param hasOthers whether there may be other codes
 */
export function refusalOf(
  action: JsonSchema,
  refusals: Map<number, string[]>,
  hasOthers = false,
): JsonSchema {
  const codes: JsonSchema[] = [...refusals].map(([code, texts]) => ({
    const: code,
    description: texts.join(' · '),
  }));
  if (hasOthers) codes.push({ type: 'integer', not: { enum: [...refusals.keys()] }, description: OTHERS });
  return {
    type: 'object',
    properties: {
      action,
      requestId: REQUEST_ID,
      code: { oneOf: codes },
      status: { const: 'error' },
      error: { type: 'string', examples: [refusals.values().next().value?.[0]] },
    },
    required: ['action', 'requestId', 'code', 'status', 'error'],
  };
}

/** What an action with a permission is refused with, and any action. */
const REFUSED = [unauthorized(), invalidCredentials(), tokenExpired(), accessDenied()];
const ANY_ERRORS = [
  malformed(),
  retainedRequest(),
  foreignTopic(),
  replyTooLarge(),
  internalError(),
  overloaded(),
  databaseAway(),
  stopping(),
];

export function byCode(errors: ActionError[]): Map<number, string[]> {
  const texts = new Map<number, string[]>();
  for (const { code, message } of errors.toSorted((a, b) => a.code - b.code)) {
    const known = texts.get(code) ?? [];
    if (!known.includes(message)) texts.set(code, [...known, message]);
  }
  return texts;
}

/** What a handler's parameters say of the body. */
function bodyOf(handler: Handler): { schema: JsonSchema; errors: ActionError[] } {
  const schema: JsonSchema = { type: 'object', properties: {}, required: [] };
  const refusals: string[] = [];
  for (const { member, type } of payloadsOf(handler)) {
    const own = isDto(type) ? schemaOfDto(type) : {};
    if (isDto(type)) refusals.push(...refusalsOfDto(type));
    if (member !== undefined) schema.properties![member] ??= own;
    else {
      Object.assign(schema.properties!, own.properties);
      schema.required!.push(...(own.required ?? []));
    }
  }
  return { schema, errors: refusals.map((text) => new ActionError(400, text)) };
}

/** Each kind once: actions share them. */
export function eventsOf(actions: DescribedAction[]): EventDescription[] {
  const byKind = new Map(actions.flatMap(({ event }) => (event ? [[event.kind, event] as const] : [])));
  return [...byKind.values()];
}
