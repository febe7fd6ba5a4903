import { Injectable } from '@nestjs/common';
import { Qlobber } from 'qlobber';
import type { DeviceEvent } from '../protocol/device-event.js';
import { matchesFilter } from '../protocol/topics.js';

/** Who gets what matches a set of filters. */
export interface EventReceiver {
  /** there while it is connected */
  readonly connectionId?: string;
  /**
   * Called once for an event, however many filters of the set match.
   * @param qos the highest that a matching filter was granted
   * @param suffix what the client wants behind the topic, `@<clientId>` or nothing
   * @returns `false` where it gets nothing of it
   */
  receive(event: DeviceEvent, qos: number, suffix: string): boolean;
}

/** Receives nothing. */
export const NOBODY: EventReceiver = { receive: () => false };

interface Watch {
  set: FilterSet;
  qos: number;
  suffix: string;
}

/** Finds who watches a topic, without asking each client: a trie over the levels of all event filters. */
@Injectable()
export class EventIndex {
  private readonly watches = new Qlobber<Watch>({
    separator: '/',
    wildcard_one: '+',
    wildcard_some: '#',
    match_empty_levels: true,
  });

  /** Each receiver whose filters match, once. */
  match(topic: string): { receiver: EventReceiver; qos: number; suffix: string }[] {
    const matched = new Map<FilterSet, Watch>();
    for (const watch of this.watches.match(topic)) {
      const known = matched.get(watch.set);
      matched.set(watch.set, known ? merged(known, watch) : watch);
    }
    return [...matched.values()].map(({ set: { receiver }, qos, suffix }) => ({ receiver, qos, suffix }));
  }

  add(filter: string, watch: Watch): void {
    this.watches.add(filter, watch);
  }

  remove(filter: string, watch: Watch): void {
    this.watches.remove(filter, watch);
  }
}

/** Where a filter with a suffix matches and one without, the topic of the latter fits both. */
function merged(a: Watch, b: Watch): Watch {
  return { set: a.set, qos: Math.max(a.qos, b.qos), suffix: a.suffix && b.suffix };
}

/** Whether events can match a filter. One that is wider than `dh/`, like `#`, gets none. */
function isEventFilter(filter: string): boolean {
  return /^dh\/(?!response\/)/.test(filter);
}

/** Filters of one client or subscription with the QoS they were granted; those for events are in the index. */
export class FilterSet {
  private readonly filters = new Map<string, Watch>();
  private levelCount = 0;

  /** @param suffix the end of a filter that is the client's alone, `@<clientId>` */
  constructor(
    private readonly index: EventIndex,
    public receiver: EventReceiver,
    private readonly suffix: string,
  ) {}

  get size(): number {
    return this.filters.size;
  }

  /** Of all filters together; each takes memory. */
  get levels(): number {
    return this.levelCount;
  }

  has(filter: string): boolean {
    return this.filters.has(filter);
  }

  qosOf(filter: string): number | undefined {
    return this.filters.get(filter)?.qos;
  }

  add(filter: string, qos: number): void {
    this.delete(filter);
    const suffix = this.suffix && filter.endsWith(this.suffix) ? this.suffix : '';
    const watch = { set: this, qos, suffix };
    this.filters.set(filter, watch);
    this.levelCount += levelsOf(filter);
    if (isEventFilter(filter)) this.index.add(withoutSuffix(filter, watch), watch);
  }

  delete(filter: string): void {
    const watch = this.filters.get(filter);
    if (!watch) return;
    this.filters.delete(filter);
    this.levelCount -= levelsOf(filter);
    if (isEventFilter(filter)) this.index.remove(withoutSuffix(filter, watch), watch);
  }

  /** Whether an event is of one of its filters now. */
  covers(topic: string): boolean {
    for (const [filter, watch] of this.filters) {
      if (isEventFilter(filter) && matchesFilter(withoutSuffix(filter, watch), topic)) return true;
    }
    return false;
  }

  clear(): void {
    for (const filter of this.filters.keys()) this.delete(filter);
  }

  *[Symbol.iterator](): Iterator<[filter: string, qos: number]> {
    for (const [filter, { qos }] of this.filters) yield [filter, qos];
  }
}

function levelsOf(filter: string): number {
  return filter.split('/').length;
}

function withoutSuffix(filter: string, { suffix }: Watch): string {
  return suffix ? filter.slice(0, -suffix.length) : filter;
}
