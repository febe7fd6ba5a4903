import {
  described,
  INTEGER,
  listOf,
  nullable,
  objectOf,
  TEXT,
  TIMESTAMP,
} from '../../protocol/json-schema.js';
import { type SubscriptionKind, tooManyFilters } from '../../subscriptions/event-subscription.js';
import { needsBuiltInBroker, tooMany, tooWide } from '../../subscriptions/event-subscriptions.js';
import { CONNECTION_LIMITS } from '../../subscriptions/filter-budget.js';
import type { ActionDescription } from '../api-action.decorator.js';
import { NO_DEVICE } from '../shared/api-errors.js';
import { tooSlow } from '../shared/list-page.js';
import {
  deviceTypesNotFound,
  networksNotFound,
  seesNothing,
  subscriptionNotFound,
} from './subscription.errors.js';

const SUBSCRIPTION_ID = described(INTEGER, undefined, 3);

const subscribe = (kind: SubscriptionKind): ActionDescription => ({
  summary: 'Events without a SUBSCRIBE, from a point in time on',
  reply: { subscriptionId: SUBSCRIPTION_ID },
  optionalReply: {
    hasMore: described({ const: true }, 'more is stored than was replayed: ask again with the next two'),
    timestamp: TIMESTAMP,
    afterId: described(INTEGER, 'the same request with this and `timestamp` gets what comes next', 27),
  },
  errors: [
    tooWide(),
    ...NO_DEVICE,
    seesNothing(),
    networksNotFound([7]),
    deviceTypesNotFound([7]),
    tooMany(),
    tooManyFilters(CONNECTION_LIMITS),
    needsBuiltInBroker({ kind }),
    tooSlow(),
  ],
});

export const SUBSCRIBE_API = { command: subscribe('command'), notification: subscribe('notification') };

export const UNSUBSCRIBE_API: ActionDescription = {
  summary: 'Ends what the connection has subscribed to with an action',
  reply: {},
  errors: [subscriptionNotFound(3)],
};

/** What the description of the API says of `SubscriptionController`. */
export const api = {
  list: {
    summary: 'What the connection is subscribed to',
    errors: [],
    reply: {
      subscriptions: listOf(
        objectOf({
          subscriptionId: described(INTEGER, '0 for a SUBSCRIBE', 0),
          type: { enum: ['command', 'notification'] },
          deviceId: nullable(TEXT),
          networkIds: nullable(listOf(INTEGER)),
          deviceTypeIds: nullable(listOf(INTEGER)),
          names: nullable(listOf(TEXT)),
          timestamp: nullable(TIMESTAMP),
        }),
      ),
    },
  },
} satisfies Record<string, ActionDescription>;
