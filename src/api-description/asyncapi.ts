import { API_VERSION } from '../actions/server/server.service.js';
import type { EventDescription } from '../actions/api-action.decorator.js';
import type { EventKind } from '../protocol/topics.js';
import type { Installation } from './api.options.js';
import {
  eventChannel,
  groupOf,
  nameOf,
  refusalChannel,
  replyChannel,
  replyName,
  requestChannel,
} from './channels.js';
import type { DescribedAction } from './described-action.js';

/** Of the binding, not of MQTT. */
const BINDING = { bindingVersion: '0.2.0' };

/**
 * The AsyncAPI 3 document of a service: it receives requests, replies, and sends events.
 * @param actions in the order in which they are to be shown
 */
export function asyncApi(actions: DescribedAction[], events: EventDescription[], options: Installation) {
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'DeviceHive over MQTT',
      version: API_VERSION,
      description: introductionTo(options).join('\n\n'),
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    servers: { broker: serverOf(options) },
    channels: Object.fromEntries([
      ['request', requestChannel(actions, options)],
      ...actions.map((action) => [replyName(action), replyChannel(action)]),
      ['reply', refusalChannel(options)],
      ...events.map((event) => [event.kind, eventChannel(event)]),
    ]),
    operations: Object.fromEntries([
      ...actions.map((action) => [nameOf(action), operationOf(action, options)]),
      // No action has a colon in its name.
      ...events.map(({ kind }) => [`event:${kind}`, sendOperation(kind)]),
    ]),
    components: { securitySchemes: securitySchemes(options) },
  };
}

export type AsyncApiDocument = ReturnType<typeof asyncApi>;

/** Paragraphs of what holds for all actions. */
export function introductionTo({ isExternal }: Installation): string[] {
  return [
    'A client publishes requests, one JSON object each, and gets exactly one reply to each, on the topic of its action and its own client id. `success` means committed.',
    'A request has `action`, and any JSON value as `requestId`, which the reply repeats. A success has `action`, `requestId`, `"status": "success"` and the members listed here; a refusal has `action`, `requestId`, `code`, `"status": "error"` and `error`.',
    'In a request a member that is `null` counts as absent, and one that is not named here is ignored. The actions of DeviceHive take integers and booleans as text, too, and outside lists text as a number or boolean.',
    isExternal
      ? "Each request carries an access token, in its member `token` or in MQTT 5's user property `authorization: Bearer <token>`."
      : 'Who asks is known by login and password in CONNECT, by the action `authenticate`, or by an access token in the member `token` of a request.',
  ];
}

function serverOf({ brokerUrl, isExternal }: Installation) {
  const { protocol, hostname, port } = new URL(brokerUrl);
  const isAnyAddress = ['0.0.0.0', '[::]'].includes(hostname);
  const variables = { host: { default: 'localhost', description: 'any address of the machine' } };
  return {
    host: `${isAnyAddress ? '{host}' : hostname}:${port}`,
    ...(isAnyAddress && { variables }),
    protocol: protocol === 'mqtts:' ? 'secure-mqtt' : 'mqtt',
    ...(!isExternal && { protocolVersion: '3.1.1' }),
    description: isExternal ? 'The broker that the service is a client of' : 'The broker in the service',
    security: [{ $ref: '#/components/securitySchemes/connect' }],
    bindings: { mqtt: { cleanSession: false, ...BINDING } },
  };
}

function securitySchemes({ isExternal }: Installation) {
  return {
    connect: {
      type: 'userPassword',
      description: isExternal
        ? "The broker's own, in CONNECT; they say nothing to the service"
        : 'Login and password in CONNECT; without them a client may authenticate later',
    },
    token: {
      type: 'http',
      scheme: 'bearer',
      bearerFormat: 'JWT',
      description: 'An access token in the member `token` of the request',
    },
  };
}

function operationOf(described: DescribedAction, { isExternal }: Installation) {
  const { action, summary, requirement, isRepeatable } = described;
  const channel = `#/channels/${replyName(described)}`;
  return {
    action: 'receive',
    channel: { $ref: '#/channels/request' },
    title: action,
    summary,
    description: [
      requirement
        ? `Needs the permission ${requirement.map((one) => `\`${one}\``).join(' or ')}.`
        : 'Open to anybody.',
      isRepeatable && 'Sent again with the same `requestId` it has no second effect.',
    ]
      .filter(Boolean)
      .join(' '),
    tags: [{ name: groupOf(action) }],
    ...(requirement && {
      security: (isExternal ? ['token'] : ['connect', 'token']).map((name) => ({
        $ref: `#/components/securitySchemes/${name}`,
      })),
      'x-permissions': [...requirement],
    }),
    bindings: { mqtt: { qos: 1, retain: false, ...BINDING } },
    messages: [{ $ref: `#/channels/request/messages/${nameOf(described)}` }],
    reply: {
      channel: { $ref: channel },
      messages: ['success', 'refusal'].map((name) => ({ $ref: `${channel}/messages/${name}` })),
    },
  };
}

function sendOperation(kind: EventKind) {
  return {
    action: 'send',
    channel: { $ref: `#/channels/${kind}` },
    bindings: { mqtt: { qos: 1, retain: false, ...BINDING } },
    messages: [{ $ref: `#/channels/${kind}/messages/event` }],
  };
}
