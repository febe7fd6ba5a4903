import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeClient, outgoingOver } from '../../../test/support/fake-client.js';
import type { Outgoing } from './outgoing.js';

let client: FakeClient;
let outgoing: Outgoing;
let log: string[];

beforeEach(() => {
  log = [];
  for (const level of ['log', 'warn', 'error'] as const) {
    vi.spyOn(Logger.prototype, level).mockImplementation((line) => void log.push(String(line)));
  }
  client = new FakeClient();
  outgoing = outgoingOver(client);
});
afterEach(() => {
  vi.restoreAllMocks();
});

const publish = (topic: string, payload = '{}') => outgoing.publish(topic, payload, 1);
const linesWith = (text: string) => log.filter((line) => line.includes(text));

describe('a message that our own side cannot write', () => {
  it.each([
    ['destroys the connection', () => client.stream.destroy(new Error('Invalid messageExpiryInterval'))],
    [
      'throws',
      () => {
        throw new TypeError('not a buffer');
      },
    ],
  ])('is dropped alone and at once if the writer %s, and the others are sent again', (_, fail) => {
    client.atTopic.set('bad', fail);
    publish('first');
    publish('bad');
    publish('last');
    expect(linesWith('A message on "bad" cannot be written')).toHaveLength(1);
    client.break();
    client.accept();
    expect(client.written).toEqual(['first', 'bad', 'first']);
    client.acknowledge(true);
    expect(client.written.at(-1)).toBe('last');
    client.acknowledge();
    expect(outgoing.hasRoom).toBe(true);
    expect(log).toHaveLength(1);
  });

  it('is sent again if the broker had ended the connection, whose socket fails at the write', () => {
    client.atTopic.set('late', () =>
      client.stream.destroy(Object.assign(new Error('ended'), { code: 'EPIPE' })),
    );
    publish('late');
    client.break();
    client.atTopic.clear();
    client.accept();
    expect(client.written).toEqual(['late', 'late']);
    client.acknowledge(true);
    expect(outgoing.hasRoom).toBe(true);
    expect(log).toEqual([]);
  });

  it.each([
    ['topic', 'x'.repeat(65_536), undefined],
    ['topic in bytes', 'é'.repeat(32_768), undefined],
    ['correlation data', 'data', { correlationData: Buffer.alloc(65_536) }],
  ])('since its %s is too long never reaches MQTT.js', (_, topic, properties) => {
    expect(outgoing.fits(topic, '{}', properties)).toBe(false);
    outgoing.publish(topic, '{}', 1, properties);
    outgoing.publish(topic, '{}', 0, properties);
    expect(client.written).toEqual([]);
    expect(linesWith('is not sent')).toHaveLength(1);
  });

  it('fits with a topic and correlation data of the greatest length', () => {
    expect(outgoing.fits('x'.repeat(65_535), '{}', { correlationData: Buffer.alloc(65_535) })).toBe(true);
    expect(outgoing.fits('é'.repeat(32_767), '{}')).toBe(true);
  });

  it('is held against the limits of the connection that it is sent over, too', () => {
    client.break();
    publish('large', 'x'.repeat(200));
    client.emit('packetreceive', { cmd: 'connack', reasonCode: 0 });
    client.emit('connect', { properties: { maximumPacketSize: 100 } });
    expect(client.written).toEqual([]);
    expect(linesWith('A message on "large" is not sent')).toHaveLength(1);
  });
});
