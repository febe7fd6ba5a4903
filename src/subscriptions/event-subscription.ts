import { isDeepStrictEqual } from 'node:util';
import type { Principal } from '../auth/principal.js';
import { ActionError } from '../protocol/action-error.js';
import { formatTimestamp } from '../protocol/timestamps.js';
import type { EventKind } from '../protocol/topics.js';
import { eventFilter } from '../protocol/topics.js';
import type { DeviceEvent } from '../protocol/device-event.js';
import { type EventIndex, type EventReceiver, FilterSet } from './event-index.js';
import type { FilterBudget, FilterLimits } from './filter-budget.js';
import type { EventSink } from './event-subscriptions.js';

export type SubscriptionKind = 'command' | 'notification';

/** What may come before the reply has left, in characters. Beyond it the oldest is dropped. */
const MAX_WAITING = 4 * 1_048_576;

/** What a client asks for; an empty or absent list stands for all. */
export interface WantedEvents {
  kind: SubscriptionKind;
  /** `command_update` instead of `command` */
  returnUpdatedCommands?: boolean;
  deviceId?: string | null;
  networkIds?: readonly number[] | null;
  deviceTypeIds?: readonly number[] | null;
  names?: readonly string[] | null;
  timestamp?: Date | null;
  afterId?: number | null;
}

/** A place in what is stored, which is in the order of time and id. */
export interface ReplayCursor {
  /** as `formatTimestamp` prints it; of updates it is `lastUpdated` */
  timestamp: string;
  afterId: number;
}

/** The request that made a subscription, or continues it. */
interface Asked {
  /** its number among the connection's requests */
  number: number;
  qos: number;
  /** the token's that the request came with; `undefined` for the connection's session, as it is at each event */
  principal?: Principal;
}

interface Origin extends Asked {
  id: number;
  connectionId: string;
}

/** One `command/subscribe` or `notification/subscribe`. */
export class EventSubscription implements EventReceiver {
  id: number;
  readonly connectionId: string;
  number: number;
  qos: number;
  principal?: Principal;
  private readonly filters: FilterSet;
  private replayed: DeviceEvent[] = [];
  /** what is stored and not replayed yet begins behind it */
  private next?: ReplayCursor;
  private waiting?: DeviceEvent[] = [];
  private waitingLength = 0;
  /** events were dropped while they waited for the reply */
  hasMissed = false;

  constructor(
    origin: Origin,
    readonly wanted: WantedEvents,
    index: EventIndex,
    budget: FilterBudget,
    private readonly sink: EventSink,
  ) {
    ({
      id: this.id,
      connectionId: this.connectionId,
      number: this.number,
      qos: this.qos,
      principal: this.principal,
    } = origin);
    this.filters = new FilterSet(index, this, '', budget);
    try {
      this.addFilters(budget);
    } catch (error) {
      this.filters.clear();
      throw error;
    }
  }

  get kind(): SubscriptionKind {
    return this.wanted.kind;
  }

  /** Whether its reply has left; events wait before. */
  get hasBegun(): boolean {
    return this.waiting === undefined;
  }

  receive(event: DeviceEvent): boolean {
    if (!this.waiting) return this.sink.send(this, event);
    this.waiting.push(event);
    this.waitingLength += event.payload.length;
    while (this.waitingLength > MAX_WAITING) {
      this.waitingLength -= this.waiting.shift()!.payload.length;
      this.hasMissed = true;
    }
    return true;
  }

  /** What waits will be read from the database instead. */
  forgetWaiting(): void {
    this.waiting = [];
    this.waitingLength = 0;
    this.hasMissed = false;
  }

  /** Whether a request asks for what comes next of what is stored. */
  isContinuedBy({ timestamp, afterId, ...wanted }: WantedEvents): boolean {
    const { next } = this;
    if (!next || !timestamp || afterId !== next.afterId) return false;
    if (formatTimestamp(timestamp) !== next.timestamp || filterCount(wanted) !== this.filters.size)
      return false;
    return isDeepStrictEqual(filtersFor(wanted), filtersFor(this.wanted));
  }

  /** Events wait again, for the reply to another request. */
  waitForReply({ number, qos, principal }: Asked): void {
    Object.assign(this, { number, qos, principal });
    this.waiting ??= [];
  }

  /** @param events stored ones, which come first; what has arrived meanwhile and is not newer does not come again */
  replay(events: DeviceEvent[], next?: ReplayCursor): void {
    this.replayed.push(...events);
    this.next = next;
  }

  /**
   * The reply to request `number` has left. A client that asked for what is stored, and for which events were dropped since,
   * is disconnected: it asks again when it reconnects.
   */
  begin(number: number): void {
    if (!this.waiting || number !== this.number) return;
    if (this.hasMissed && this.wanted.timestamp) {
      this.sink.disconnect(this.connectionId, 'more events than can wait came before a subscription began');
      return;
    }
    const versions = new Map(this.replayed.map(versionOf));
    const isNews = (event: DeviceEvent) => {
      const [id, version] = versionOf(event);
      return (versions.get(id) ?? '') < version;
    };
    const isReplayed = this.replayed.length > 0;
    const events = [...this.replayed, ...(isReplayed ? this.waiting.filter(isNews) : this.waiting)];
    this.forgetWaiting();
    this.waiting = undefined;
    this.replayed = [];
    for (const event of events) this.sink.send(this, event);
  }

  end(): void {
    this.filters.clear();
    this.waiting = [];
    this.replayed = [];
  }

  private addFilters({ limits }: FilterBudget): void {
    for (const filter of filtersFor(this.wanted)) {
      if (!this.filters.add(filter, Math.min(this.qos, 1))) throw tooManyFilters(limits);
    }
  }
}

export const tooManyFilters = ({ filters, levels }: FilterLimits): ActionError =>
  new ActionError(
    429,
    `More than ${filters} filters or ${levels} levels on one connection: unsubscribe from some first, or ask for fewer`,
  );

function filtersFor(wanted: WantedEvents): string[] {
  const { deviceId, networkIds, deviceTypeIds, names } = wanted;
  const kind: EventKind = wanted.returnUpdatedCommands ? 'command_update' : wanted.kind;
  return orAll(networkIds).flatMap((networkId) =>
    orAll(deviceTypeIds).flatMap((deviceTypeId) =>
      orAll(names).map((name) =>
        eventFilter(kind, { networkId, deviceTypeId, deviceId: deviceId ?? null }, name),
      ),
    ),
  );
}

/** How many filters it takes. */
export function filterCount({ networkIds, deviceTypeIds, names }: WantedEvents): number {
  return [networkIds, deviceTypeIds, names].reduce(
    (product, list) => product * orAll<unknown>(list).length,
    1,
  );
}

function orAll<T>(list: readonly T[] | null | undefined): readonly (T | null)[] {
  return list?.length ? list : [null];
}

/** Id and version of what an event tells; a notification has one version only. Texts of timestamps sort as they are. */
function versionOf({ payload }: DeviceEvent): [id: number, version: string] {
  const { command, notification } = JSON.parse(payload) as Record<
    'command' | 'notification',
    { id: number; lastUpdated?: string } | undefined
  >;
  const { id, lastUpdated = ' ' } = command ?? notification ?? { id: Number.NaN, lastUpdated: '~' };
  return [id, lastUpdated];
}
