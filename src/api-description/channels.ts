import type { EventDescription } from '../actions/api-action.decorator.js';
import { malformed, requestTooLarge } from '../protocol/action-error.js';
import { NO_ACTION } from '../protocol/envelope.js';
import { type EventKind, REQUEST_TOPIC, responseTopic } from '../protocol/topics.js';
import type { Installation } from './api.options.js';
import { byCode, type DescribedAction, refusalOf } from './described-action.js';
import { exampleOf } from './example.js';

const CLIENT_ID = { clientId: { description: 'the MQTT client id of the client that asks' } };
const PLACE = {
  networkId: { description: "the device's network, now" },
  deviceTypeId: { description: "the device's type, now" },
  deviceId: { description: 'percent-encoded where it has %, +, #, @ or /' },
  name: {
    description: 'of the command or notification; %, +, # and @ are percent-encoded, / makes more levels',
  },
};

/** `command` of `command/update`. */
export const groupOf = (action: string): string => action.split('/')[0]!;

/** A name that needs no escaping in a reference. */
export const nameOf = ({ action }: DescribedAction): string => action.replaceAll('/', '.');
export const replyName = (action: DescribedAction): string => `${nameOf(action)}.reply`;

/** Where the topic says who asks, it ends in the client id. */
export function requestAddress({ clientIdInTopic }: Installation, clientId = '{clientId}'): string {
  return clientIdInTopic ? `${REQUEST_TOPIC}/${clientId}` : REQUEST_TOPIC;
}

export function requestChannel(actions: DescribedAction[], options: Installation) {
  const message = (action: DescribedAction) => ({
    name: nameOf(action),
    title: action.action,
    summary: action.summary,
    correlationId: { location: '$message.payload#/requestId' },
    payload: action.request,
    examples: [{ payload: exampleOf(action.request) as object }],
  });
  return {
    address: requestAddress(options),
    ...(options.clientIdInTopic && { parameters: CLIENT_ID }),
    description: `Requests of at most ${options.maxRequestBytes} bytes, not retained`,
    messages: Object.fromEntries(actions.map((action) => [nameOf(action), message(action)])),
  };
}

export function replyChannel({ action, reply, refusal }: DescribedAction) {
  return {
    address: responseTopic(action, '{clientId}'),
    parameters: CLIENT_ID,
    messages: {
      success: { title: 'Success', payload: reply, examples: [{ payload: exampleOf(reply) as object }] },
      refusal: { title: 'Refusal', payload: refusal, examples: [{ payload: exampleOf(refusal) as object }] },
    },
  };
}

export function refusalChannel({ maxRequestBytes }: Installation) {
  const refusals = byCode([malformed(), requestTooLarge(maxRequestBytes)]);
  refusals.get(400)!.push(NO_ACTION);
  const payload = refusalOf({ type: ['string', 'null'] }, refusals);
  return {
    address: responseTopic(null, '{clientId}'),
    parameters: CLIENT_ID,
    description:
      'Replies to requests without a usable action, and to what is no JSON object. An action that is not known is refused on its own topic where it can be part of one, with 400 `Illegal argument: <action>`.',
    messages: {
      refusal: { title: 'Refusal', payload: { ...payload, required: ['code', 'status', 'error'] } },
    },
  };
}

/** With its variable levels between two brackets. */
export function eventAddress(kind: EventKind, open: string, close: string): string {
  return `dh/${kind}/${Object.keys(PLACE)
    .map((level) => open + level + close)
    .join('/')}`;
}

export function eventChannel({ kind, summary, payload }: EventDescription) {
  return {
    address: eventAddress(kind, '{', '}'),
    parameters: PLACE,
    description: 'At QoS 1, not retained, to those who may see the device',
    messages: { event: { title: summary, payload, examples: [{ payload: exampleOf(payload) as object }] } },
  };
}
