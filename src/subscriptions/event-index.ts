import { Injectable } from '@nestjs/common';
import { Qlobber } from 'qlobber';
import type { DeviceEvent } from '../protocol/device-event.js';
import { levelsOf, matchesFilter } from '../protocol/topics.js';
import type { FilterBudget } from './filter-budget.js';

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
    // Filters are bounded where they come in. A topic is not: a name that DeviceHive stored may have 129 levels.
    max_words: Infinity,
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

/** A filter in a set, with what is asked of it for each event and reply. */
interface HeldFilter extends Watch {
  levels: string[];
  /** the one that counts it */
  budget?: FilterBudget;
  /** without the suffix; none if no event can match */
  eventLevels?: string[];
}

/** Filters of one client or subscription with the QoS they were granted; those for events are in the index. */
export class FilterSet {
  private readonly filters = new Map<string, HeldFilter>();

  /**
   * @param suffix the end of a filter that is the client's alone, `@<clientId>`
   * @param budget the connection's; the filters of an absent client, which were counted when they came, have none
   */
  constructor(
    private readonly index: EventIndex,
    public receiver: EventReceiver,
    private readonly suffix: string,
    readonly budget?: FilterBudget,
  ) {}

  get size(): number {
    return this.filters.size;
  }

  /**
   * @param budget that counts the filter from now on
   * @returns `false` if the budget has no room for one more filter; a filter that is there already stays as it is
   */
  add(filter: string, qos: number, budget = this.budget): boolean {
    const known = this.filters.get(filter);
    if (known) {
      if (!countIn(budget, known)) return false;
      known.qos = qos;
      return true;
    }
    const suffix = this.suffix && filter.endsWith(this.suffix) ? this.suffix : '';
    const levels = levelsOf(filter);
    const held: HeldFilter = { set: this, qos, suffix, levels };
    if (!countIn(budget, held)) return false;
    this.filters.set(filter, held);
    if (isEventFilter(filter)) {
      held.eventLevels = suffix ? levelsOf(withoutSuffix(filter, held)) : levels;
      this.index.add(withoutSuffix(filter, held), held);
    }
    return true;
  }

  delete(filter: string): void {
    const held = this.filters.get(filter);
    if (!held) return;
    this.filters.delete(filter);
    held.budget?.giveBack(held.levels.length);
    if (held.eventLevels) this.index.remove(withoutSuffix(filter, held), held);
  }

  /** Has its own budget count all filters that another one counts, as far as they fit. */
  countAll(): void {
    for (const held of this.filters.values()) countIn(this.budget, held);
  }

  /** Whether an event is of one of its filters now. */
  covers(topic: string): boolean {
    const levels = levelsOf(topic);
    for (const { eventLevels } of this.filters.values()) {
      if (eventLevels && matchesFilter(eventLevels, levels)) return true;
    }
    return false;
  }

  /** The highest QoS among the filters that match a topic as they are; `undefined` where none does. */
  grantedQos(topic: string): number | undefined {
    const levels = levelsOf(topic);
    let highest = this.filters.get(topic)?.qos;
    for (const held of this.filters.values()) {
      if (held.qos > (highest ?? -1) && matchesFilter(held.levels, levels)) highest = held.qos;
    }
    return highest;
  }

  clear(): void {
    for (const filter of this.filters.keys()) this.delete(filter);
  }

  *[Symbol.iterator](): Iterator<[filter: string, qos: number]> {
    for (const [filter, { qos }] of this.filters) yield [filter, qos];
  }
}

/** Moves a filter from the budget that counts it to another one, if it has room. */
function countIn(budget: FilterBudget | undefined, held: HeldFilter): boolean {
  if (held.budget === budget) return true;
  if (budget && !budget.take(held.levels.length)) return false;
  held.budget?.giveBack(held.levels.length);
  held.budget = budget;
  return true;
}

function withoutSuffix(filter: string, { suffix }: Watch): string {
  return suffix ? filter.slice(0, -suffix.length) : filter;
}
