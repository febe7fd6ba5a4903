import mqttPacket, { type Packet } from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { filtersOf } from './packet-filters.js';

const subscribe = (...filters: string[]) =>
  mqttPacket.generate({
    cmd: 'subscribe',
    messageId: 300,
    subscriptions: filters.map((topic) => ({ topic, qos: 1 })),
  } as Packet);
const unsubscribe = (...filters: string[]) =>
  mqttPacket.generate({ cmd: 'unsubscribe', messageId: 300, unsubscriptions: filters } as Packet);
const times = (count: number, filter: string) => Array<string>(count).fill(filter);

describe('filtersOf', () => {
  it.each([
    ['SUBSCRIBE', subscribe],
    ['UNSUBSCRIBE', unsubscribe],
  ])('counts the filters of a %s', (_, packet) => {
    for (const count of [1, 2, 41, 42, 1_024]) {
      expect(filtersOf(packet(...times(count, 'a')))).toEqual({ count });
      expect(filtersOf(packet(...times(count, `a/+/${'ü'.repeat(100)}/#`)))).toEqual({ count });
    }
  });

  it('counts none in other packets', () => {
    const publish = mqttPacket.generate({
      cmd: 'publish',
      topic: 'a+b',
      payload: '',
      qos: 0,
      dup: false,
      retain: false,
    });
    for (const packet of [publish, Buffer.from([0xc0, 0])]) expect(filtersOf(packet)).toEqual({ count: 0 });
  });

  it.each([
    ['a SUBSCRIBE', subscribe],
    ['an UNSUBSCRIBE', unsubscribe],
  ])('finds a fault in %s of more than 1,024 filters', (name, packet) => {
    expect(filtersOf(packet(...times(1_025, 'a'))).fault).toBe(`sends ${name} of more than 1024 filters`);
  });

  it.each(['a#', '#a', 'a+', '+a', 'a/#/b', '##', 'a\0b', 'a\ufffd'])(
    'finds a fault in the filter %j, wherever it stands',
    (filter) => {
      for (const filters of [[filter], ['good', filter], [filter, 'good']]) {
        expect(filtersOf(subscribe(...filters)).fault).toMatch(/^subscribes to ".*", which MQTT forbids$/);
        expect(filtersOf(unsubscribe(...filters)).fault).toMatch(
          /^unsubscribes from ".*", which MQTT forbids$/,
        );
      }
    },
  );

  it.each([0x82, 0xa2])('finds a fault in a packet without filters, or with an empty one (%i)', (type) => {
    expect(filtersOf(Buffer.from([type, 2, 0, 1])).fault).toContain('without a filter');
    expect(filtersOf(Buffer.from([type, 5, 0, 1, 0, 0, 1])).fault).toContain('""');
  });

  it('does not read beyond the end of a packet that is cut off', () => {
    for (const packet of [subscribe('some', 'filters'), unsubscribe('some', 'filters')]) {
      for (let end = 2; end < packet.length; end++) {
        expect(filtersOf(packet.subarray(0, end)).count).toBeLessThanOrEqual(2);
      }
    }
  });
});
