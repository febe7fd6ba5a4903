import { beforeEach, describe, expect, it } from 'vitest';
import { levelsOf, matchesFilter } from '../protocol/topics.js';
import { EventIndex, type EventReceiver, FilterSet } from './event-index.js';
import { FilterBudget } from './filter-budget.js';

const TOPIC = 'dh/command/1/1/device/led';

/** A receiver that is told apart by its name. */
const receiver = (connectionId: string): EventReceiver => ({ connectionId, receive: () => true });

let index: EventIndex;

beforeEach(() => {
  index = new EventIndex();
});

function filterSet(clientId: string, ...filters: [filter: string, qos: number][]): FilterSet {
  const set = new FilterSet(index, receiver(clientId), `@${clientId}`);
  for (const [filter, qos] of filters) set.add(filter, qos);
  return set;
}

/** Who gets an event, as `<name> <qos> <suffix>`. */
const matched = (topic = TOPIC) =>
  index.match(topic).map(({ receiver, qos, suffix }) => `${receiver.connectionId} ${qos} ${suffix}`.trim());

describe('EventIndex', () => {
  it('finds each set whose filters match, and no other', () => {
    filterSet('a', ['dh/command/#', 1]);
    filterSet('b', ['dh/command/1/1/device/led', 0]);
    filterSet('c', ['dh/command/2/#', 1], ['dh/notification/#', 1]);
    expect(matched().toSorted()).toEqual(['a 1', 'b 0']);
  });

  it('finds a set once, with the highest QoS of the filters that match', () => {
    filterSet('up', ['dh/#', 0], ['dh/command/+/+/device/#', 1]);
    filterSet('down', ['dh/#', 1], ['dh/command/+/+/device/#', 0]);
    filterSet('unmatched', ['dh/#', 0], ['dh/notification/#', 1]);
    expect(matched().toSorted()).toEqual(['down 1', 'unmatched 0', 'up 1']);
  });

  it('names whoever receives for the set now', () => {
    const set = filterSet('before', ['dh/#', 1]);
    set.receiver = receiver('after');
    expect(matched()).toEqual(['after 1']);
  });

  it('matches as MQTT does, empty levels too', () => {
    const levels = ['a', 'b', '', '+'];
    const deeper = (stems: string[]) => stems.flatMap((stem) => levels.map((level) => `${stem}/${level}`));
    const one = deeper(['dh']);
    const stems = [...one, ...deeper(one), ...deeper(deeper(one))];
    const filters = [...stems, ...['dh', ...stems].map((stem) => `${stem}/#`)];
    for (const filter of filters) filterSet(filter, [filter, 1]);
    for (const topic of stems.filter((stem) => !stem.includes('+'))) {
      const expected = filters.filter((filter) => matchesFilter(levelsOf(filter), levelsOf(topic)));
      const found = index.match(topic).map(({ receiver }) => receiver.connectionId);
      expect(found.toSorted()).toEqual(expected.toSorted());
    }
  });

  it('takes as many levels as the broker lets a filter have', () => {
    const filter = `dh${'/+'.repeat(98)}/#`;
    const set = filterSet('deep', [filter, 1]);
    expect(matched(`dh${'/x'.repeat(98)}`)).toEqual(['deep 1']);
    set.delete(filter);
    expect(matched(`dh${'/x'.repeat(98)}`)).toEqual([]);
  });
});

describe('a topic of more levels than a filter may have', () => {
  it('matches what leaves its levels open', () => {
    filterSet('all', ['dh/#', 1]);
    filterSet('exact', [TOPIC, 1]);
    expect(matched(`dh${'/x'.repeat(1_000)}`)).toEqual(['all 1']);
  });
});

describe('FilterSet', () => {
  it('knows all its filters, in the order they came; those that are for no events match none', () => {
    const set = filterSet('a');
    const filters = ['#', '+/#', 'home/+', 'dh/response/#', '+/command/#'];
    for (const filter of filters) set.add(filter, 1);
    set.add(TOPIC, 0);
    expect([...set]).toEqual([...filters.map((filter) => [filter, 1]), [TOPIC, 0]]);
    expect(set.size).toBe(6);
    set.delete(TOPIC);
    expect(matched()).toEqual([]);
  });

  it('gives a filter that is added again its new QoS, and holds it once', () => {
    const set = filterSet('a', [TOPIC, 1], [TOPIC, 0]);
    expect(matched()).toEqual(['a 0']);
    expect([...set]).toEqual([[TOPIC, 0]]);
    set.delete(TOPIC);
    expect(matched()).toEqual([]);
  });

  it('takes of its budget what its filters have, once for each, and gives it back', () => {
    const budget = new FilterBudget({ filters: 2, levels: 9 });
    const set = new FilterSet(index, receiver('a'), '', budget);
    const other = new FilterSet(index, receiver('b'), '', budget);
    expect([set.add(TOPIC, 0), set.add(TOPIC, 1), set.add('dh/#', 1), other.add('#', 1)]).toEqual([
      true,
      true,
      true,
      false,
    ]);
    set.delete('dh/#');
    set.delete('dh/#');
    expect([other.add('a/b/c/d', 1), other.add('a/b/c', 1), other.add('a', 1)]).toEqual([false, true, false]);
    expect([set.size, other.size]).toEqual([1, 1]);
    set.clear();
    other.clear();
    expect([set.add(TOPIC, 1), other.add('a/b/c', 1)]).toEqual([true, true]);
  });

  it('gives back one filter, and only its own', () => {
    const set = filterSet('a', [TOPIC, 1], ['dh/#', 0]);
    filterSet('b', [TOPIC, 1]);
    set.delete(TOPIC);
    set.delete(TOPIC);
    set.delete('dh/command/#');
    expect(matched().toSorted()).toEqual(['a 0', 'b 1']);
  });

  it('is empty after clear, and leaves others what they have', () => {
    const set = filterSet('a', [TOPIC, 1], ['dh/#', 0], ['#', 1], [`${TOPIC}@a`, 1]);
    filterSet('b', [TOPIC, 1], ['dh/#', 1]);
    set.clear();
    expect([set.size, [...set]]).toEqual([0, []]);
    expect(matched()).toEqual(['b 1']);
  });

  it('takes the suffix of its client off a filter, and has it put behind the topic', () => {
    const set = filterSet('a@b', [`${TOPIC}@a@b`, 1]);
    filterSet('b', [`${TOPIC}@a@b`, 1]);
    expect(matched()).toEqual(['a@b 1 @a@b']);
    expect([set.covers(TOPIC), set.covers(`${TOPIC}/x`)]).toEqual([true, false]);
    set.delete(`${TOPIC}@a@b`);
    expect(matched()).toEqual([]);
  });

  it('leaves the suffix away where a filter without it matches too, whichever came first', () => {
    filterSet('a', [`${TOPIC}@a`, 1], ['dh/#', 0]);
    const b = filterSet('b', ['dh/#', 0], [`${TOPIC}@b`, 1]);
    expect(matched().toSorted()).toEqual(['a 1', 'b 1']);
    b.delete('dh/#');
    expect(matched().toSorted()).toEqual(['a 1', 'b 1 @b']);
  });

  it('grants a reply the highest QoS of the filters that match it as they are, also of those with the suffix', () => {
    const reply = 'dh/response/command/update@a';
    const granted = (...filters: [filter: string, qos: number][]) =>
      filterSet('a', ...filters).grantedQos(reply);
    expect(granted([reply, 0], ['dh/response/+/update@a', 1], ['#', 0])).toBe(1);
    expect(granted([reply, 1], ['dh/#', 0])).toBe(1);
    expect(granted(['dh/+/+/update@a', 1])).toBe(1);
    expect(granted(['dh/+/+/update', 1], ['dh/response/command/update', 1])).toBeUndefined();
  });

  it('takes nothing off where its client has no suffix', () => {
    const set = new FilterSet(index, receiver('none'), '');
    set.add(TOPIC, 1);
    expect(matched()).toEqual(['none 1']);
    expect(set.covers(TOPIC)).toBe(true);
  });
});
