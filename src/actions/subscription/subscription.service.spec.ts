import { setImmediate } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Principal } from '../../auth/principal.js';
import type { Sessions } from '../../auth/sessions.js';
import type { UserRightsCache } from '../../directory/user-rights.js';
import type { DeviceEvent } from '../../protocol/device-event.js';
import type { RequestOrigin } from '../../transport/link/client-identity.js';
import { EventIndex } from '../../subscriptions/event-index.js';
import type { ReplayCursor } from '../../subscriptions/event-subscription.js';
import { EventSubscriptions } from '../../subscriptions/event-subscriptions.js';
import { CONNECTION_LIMITS, FilterBudget } from '../../subscriptions/filter-budget.js';
import { SubscriptionService } from './subscription.service.js';
import type { VisiblePlacesRepository } from './visible-places.repository.js';

const principal = { userId: 1 } as Principal;
const CONNECTION = 'c';
const WANTED = { kind: 'command' as const, timestamp: new Date(0) };

const event = (id: number, size = 0): DeviceEvent => ({
  topic: 'dh/command/1/1/lamp/x',
  payload: JSON.stringify({ command: { id, lastUpdated: ' ', text: 'x'.repeat(size) } }),
});
const idOf = ({ payload }: DeviceEvent) => (JSON.parse(payload) as { command: { id: number } }).command.id;

let sent: number[];
let rights: UserRightsCache;
let index: EventIndex;
let subscriptions: EventSubscriptions;
let service: SubscriptionService;

beforeEach(() => {
  sent = [];
  index = new EventIndex();
  const sessions = { principalOf: () => principal } as unknown as Sessions;
  rights = { refresh: () => Promise.resolve() } as unknown as UserRightsCache;
  const everywhere = { device: true, networkIds: [], deviceTypeIds: [], something: true };
  const places = { of: () => Promise.resolve(everywhere) } as unknown as VisiblePlacesRepository;
  const budget = new FilterBudget(CONNECTION_LIMITS);
  subscriptions = new EventSubscriptions(index, sessions, rights);
  subscriptions.sink = {
    budgetOf: () => budget,
    send: (_, one) => sent.push(idOf(one)) > 0,
    disconnect: () => {},
    eventFiltersOf: () => [],
  };
  service = new SubscriptionService(subscriptions, places);
});

/** @param reads what each of the reads of what is stored gives, in turn */
async function subscribe(
  number: number,
  wanted: object,
  reads: (() => number[] | Promise<number[]>)[],
  next?: ReplayCursor,
) {
  const origin = { connectionId: CONNECTION, number, qos: 1 } as RequestOrigin;
  const replay = () => (async () => ({ items: await reads.shift()!(), next }))();
  const reply = await service.subscribe(principal, origin, { ...WANTED, ...wanted }, replay, (id) =>
    event(id),
  );
  subscriptions.replied(CONNECTION, number);
  return reply;
}
function tell(ids: number[], size = 0): void {
  for (const id of ids) {
    for (const { receiver } of index.match('dh/command/1/1/lamp/x')) receiver.receive(event(id, size), 1, '');
  }
}

describe('what is stored', () => {
  it('is read again after more live events came during the read than can wait', async () => {
    const first = () => {
      tell([3, 4, 5, 6, 7, 8], 1_000_000);
      return [1, 2];
    };
    const second = () => {
      tell([9]);
      return [1, 2, 3, 4, 5, 6, 7, 8];
    };
    await subscribe(1, {}, [first, second]);
    await expect.poll(() => sent).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('is given up with 503 where that happens at each read, and nothing is left of the subscription', async () => {
    const flooded = () => {
      tell([3, 4, 5, 6, 7, 8], 1_000_000);
      return [1, 2];
    };
    await expect(subscribe(1, {}, [flooded, flooded, flooded])).rejects.toMatchObject({ code: 503 });
    expect(subscriptions.of(CONNECTION)).toEqual([]);
    expect(index.match('dh/command/1/1/lamp/x')).toEqual([]);
  });
});

describe('a request for the rest of what is stored', () => {
  const next = { timestamp: '2020-01-01T00:00:00.000', afterId: 2 };
  const rest = { timestamp: new Date(`${next.timestamp}Z`), afterId: 2 };

  it('holds live events back until its own reply, also where the rights for an earlier one come meanwhile', async () => {
    let haveRights = () => {};
    const areRead = new Promise<void>((resolve) => (haveRights = resolve));
    rights.refresh = () => areRead;
    await subscribe(1, {}, [() => [1, 2]], next);
    const whileRead = async () => {
      haveRights();
      await setImmediate();
      tell([5]);
      return [3, 4];
    };
    await subscribe(2, rest, [whileRead]);
    await expect.poll(() => sent).toEqual([1, 2, 3, 4, 5]);
    expect(subscriptions.of(CONNECTION)).toHaveLength(1);
  });

  it('changes nothing where it is refused', async () => {
    const { subscriptionId } = await subscribe(1, {}, [() => [1, 2]], next);
    const failing = () => {
      tell([5]);
      throw new Error('the database is away');
    };
    await expect(subscribe(2, rest, [failing])).rejects.toThrow('away');
    subscriptions.replied(CONNECTION, 2);
    await expect.poll(() => sent).toEqual([1, 2, 5]);
    expect(subscriptions.of(CONNECTION).map(({ id }) => id)).toEqual([subscriptionId]);
    await subscribe(3, rest, [() => [3, 4]]);
    await expect.poll(() => sent).toEqual([1, 2, 5, 3, 4]);
    expect(subscriptions.of(CONNECTION)).toHaveLength(1);
  });
});
