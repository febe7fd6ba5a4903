import type { DynamicModule, Type } from '@nestjs/common';
import { Ajv, type ValidateFunction } from 'ajv';
import { actionModules } from '../../src/actions/index.js';
import { handlersIn } from '../../src/actions/handlers.js';
import {
  type DescribedAction,
  describeActions,
  eventsOf,
} from '../../src/api-description/described-action.js';
import type { JsonSchema } from '../../src/protocol/json-schema.js';

// What goes over the wire in any test is compared with what the service says of itself in its API description.

/** The default. It is in a text only, which is not compared. */
const MAX_REQUEST_BYTES = 1_048_576;
const actions = new Map<string, DescribedAction>();
const events = new Map<string, JsonSchema>();
const mismatches: string[] = [];
const ajv = new Ajv({ strict: false, validateFormats: false });
const validators = new WeakMap<JsonSchema, ValidateFunction>();

learn(actionModules);

/** Adds what these modules say of their actions; of two with one name the last counts. */
export function learn(modules: (Type | DynamicModule)[]): void {
  const classes = modules.map((one) => ('module' in one ? one.module : one));
  const described = describeActions(handlersIn(classes), MAX_REQUEST_BYTES);
  for (const one of described) actions.set(one.action, one);
  for (const { kind, payload } of eventsOf(described)) events.set(kind, payload);
}

/** For a file whose tests publish events of their own, with as much in them as they need. */
export function ignoreEvents(): void {
  events.clear();
}

/** What was not as described since the last time. */
export function takeMismatches(): string[] {
  return mismatches.splice(0);
}

/** Of one client: its requests, and what it receives. */
export class DescribedTraffic {
  /** texts by action and requestId */
  private readonly requests = new Map<string, string[]>();

  sent(text: string): void {
    const key = keyOf(parse(text));
    if (key) this.requests.set(key, [...(this.requests.get(key) ?? []), text]);
  }

  received(topic: string, text: string): void {
    const kind = /^dh\/(command|command_update|notification)\//.exec(topic)?.[1];
    const event = events.get(kind ?? '');
    if (event) compare(`an event on ${topic}`, closed(event), text);
    if (topic.startsWith('dh/response/')) this.replied(text);
  }

  private replied(text: string): void {
    const reply = parse(text);
    const described = actions.get(String(reply.action));
    if (reply.status === 'error') {
      compare('a refusal', described ? closed(described.refusal) : UNKNOWN, text);
    } else if (!described) {
      mismatches.push(`${String(reply.action)} is not described: ${text}`);
    } else {
      compare('a success', closed(described.reply), text);
      this.succeeded(described, keyOf(reply)!);
    }
  }

  /** Where several were sent with one requestId, one of them must be as described. */
  private succeeded({ request }: DescribedAction, key: string): void {
    const texts = this.requests.get(key) ?? [];
    if (texts.length === 0 || texts.some((text) => validatorOf(request)(parse(text)))) return;
    compare('a request that succeeded', request, texts.at(-1)!);
  }
}

/** A refusal that belongs to no action, or to one of a fixture. */
const UNKNOWN: JsonSchema = {
  type: 'object',
  properties: {
    action: {},
    requestId: {},
    code: { enum: [400, 413, 500, 503] },
    status: { const: 'error' },
    error: { type: 'string' },
  },
  required: ['code', 'status', 'error'],
  additionalProperties: false,
};

function compare(what: string, schema: JsonSchema, text: string): void {
  const validate = validatorOf(schema);
  if (validate(parse(text))) return;
  mismatches.push(`${what}: ${ajv.errorsText(validate.errors)}: ${text.slice(0, 1_000)}`);
}

function validatorOf(schema: JsonSchema): ValidateFunction {
  let validator = validators.get(schema);
  if (!validator) validators.set(schema, (validator = ajv.compile(schema)));
  return validator;
}

const closedSchemas = new WeakMap<JsonSchema, JsonSchema>();

/** The same, but with no member that it does not name: clients may get more, the tests find out. */
function closed(schema: JsonSchema): JsonSchema {
  let made = closedSchemas.get(schema);
  if (!made) {
    const { properties, items } = schema;
    made = {
      ...schema,
      ...(items && { items: closed(items) }),
      ...(properties && {
        additionalProperties: schema.additionalProperties ?? false,
        properties: Object.fromEntries(Object.entries(properties).map(([key, one]) => [key, closed(one)])),
      }),
    };
    closedSchemas.set(schema, made);
  }
  return made;
}

function keyOf({ action, requestId = null }: Record<string, unknown>): string | undefined {
  return action === undefined ? undefined : `${String(action)} ${JSON.stringify(requestId)}`;
}

/** As the service: what a client leaves in its buffer is ignored. */
function parse(text: string): Record<string, unknown> {
  try {
    return (JSON.parse(text.replace(/\0+$/, '')) ?? {}) as Record<string, unknown>;
  } catch {
    return {};
  }
}
