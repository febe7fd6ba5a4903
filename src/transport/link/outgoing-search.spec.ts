import { Logger } from '@nestjs/common';
import type { MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FakeClient, outgoingOver } from '../../../test/support/fake-client.js';
import { renewConnection } from './drain.js';
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
  vi.useRealTimers();
});

const publish = (topic: string, payload = '{}') => outgoing.publish(topic, payload, 1);
const linesWith = (text: string) => log.filter((line) => line.includes(text));
/** All that it takes to find out that a message ends connections. */
function convict(topic: string, payload?: string): void {
  publish(topic, payload);
  client.break();
  client.breakAtOnce(3);
  client.accept();
  client.answer();
  client.break();
  client.accept();
  client.answer();
}

it('a broker that takes subscriptions and ends each connection at a PUBLISH loses no message', () => {
  for (let i = 0; i < 30; i++) publish(`t${i}`);
  client.break();
  for (let i = 0; i < 200; i++) {
    client.accept();
    client.emit('packetreceive', { cmd: 'suback' });
    client.break();
  }
  expect(log).toEqual([]);
  client.written.length = 0;
  client.accept();
  client.answer();
  for (let i = 0; i < 30; i++) client.acknowledge(true);
  expect(new Set(client.written)).toEqual(new Set(Array.from({ length: 30 }, (_, i) => `t${i}`)));
});

describe('a message over which each connection ends', () => {
  it('is sent alone after three connections without an answer, and dropped if that one ends too', () => {
    publish('bad');
    publish('good');
    client.break();
    client.breakAtOnce(3);
    expect(client.written).toEqual(['bad', 'good', 'bad', 'bad', 'bad']);
    client.accept();
    expect(client.written.at(-1)).toBe('good');
    client.acknowledge(true);
    expect(client.written.at(-1)).toBe('bad');
    publish('later');
    expect(client.written.at(-1)).toBe('bad');
    expect(outgoing.hasRoom).toBe(false);
    client.break();
    expect(linesWith('ends each connection over a message on "bad"')).toHaveLength(1);
    client.accept();
    expect(client.written.slice(-2)).toEqual(['bad', 'later']);
  });

  it('is the one that the broker does not acknowledge, not the first in flight when the connection ended', () => {
    publish('innocent');
    publish('bad');
    client.break();
    client.accept();
    client.acknowledge(true);
    client.break();
    client.breakAtOnce(3);
    client.accept();
    client.answer();
    client.break();
    expect(linesWith('"bad"')).toHaveLength(1);
    expect(linesWith('"innocent"')).toEqual([]);
  });

  it('takes those on its topic along, whether they are in flight, wait or are still to come', async () => {
    publish('bad');
    publish('bad');
    client.break();
    publish('bad');
    client.breakAtOnce(3);
    client.accept();
    client.acknowledge(true);
    client.break();
    client.accept();
    const before = client.written.length;
    publish('bad');
    publish('good');
    expect(client.written.slice(before)).toEqual(['good']);
    client.acknowledge();
    await outgoing.flushed();
    expect(linesWith('A message on "bad" is not sent')).toHaveLength(1);
  });

  it('is found sooner where another one was found before', () => {
    convict('bad');
    publish('worse');
    client.break();
    client.breakAtOnce(1);
    client.accept();
    client.answer();
    client.break();
    expect(linesWith('over a message on "worse"')).toHaveLength(1);
  });

  it('is found sooner where another one is suspected, which is sent first', () => {
    publish('bad');
    publish('worse');
    client.break();
    client.breakAtOnce(4);
    for (const _ of ['bad', 'worse']) {
      client.accept();
      client.answer();
      client.break();
    }
    expect(linesWith('over a message on').map((line) => /"(\w+)"/.exec(line)?.[1])).toEqual(['bad', 'worse']);
  });

  it('is tried again after an hour', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    convict('bad');
    vi.advanceTimersByTime(3_599_000);
    const before = client.written.length;
    publish('bad');
    expect(client.written).toHaveLength(before);
    vi.advanceTimersByTime(2_000);
    publish('bad');
    expect(client.written).toHaveLength(before + 1);
  });

  it('does not keep smaller ones from its topic if none of its size has been acknowledged', () => {
    convict('large', 'x'.repeat(100_000));
    const before = client.written.length;
    expect(outgoing.fits('large', 'x'.repeat(100_000))).toBe(false);
    publish('large', 'x'.repeat(100_000));
    expect(client.written).toHaveLength(before);
    expect(outgoing.fits('large', 'x'.repeat(50_000))).toBe(true);
    publish('large', 'x'.repeat(50_000));
    expect(client.written).toHaveLength(before + 1);
  });
});

describe('on a broker with MQTT 5 a message over which each connection ends', () => {
  beforeEach(() => {
    client.options.protocolVersion = 5;
  });

  const endsAtOnce = (end: () => void): void => {
    publish('event');
    end();
    client.break();
    for (let i = 0; i < 3; i++) {
      client.accept();
      end();
      client.break();
    }
    client.accept();
    client.answer();
    end();
    client.break();
  };

  it.each([
    ['the broker says that a packet is too large', () => client.emit('disconnect', { reasonCode: 149 })],
    ['our own side cannot write it again', () => client.stream.destroy(new Error('Invalid value'))],
  ])('is dropped if %s', (_, end) => {
    endsAtOnce(end);
    expect(linesWith('ends each connection over a message on "event"')).toHaveLength(1);
  });

  it.each([
    ['the broker does not say why', () => {}],
    ['the broker shuts down', () => client.emit('disconnect', { reasonCode: 139 })],
    [
      'the network fails',
      () => client.stream.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' })),
    ],
  ])('is sent again for ever if %s', (_, end) => {
    endsAtOnce(end);
    for (let i = 0; i < 60; i++) {
      client.accept();
      end();
      client.break();
    }
    client.accept();
    client.acknowledge(true);
    expect(outgoing.hasRoom).toBe(true);
    expect(log).toEqual([]);
  });
});

describe('a message that was sent', () => {
  it('is never dropped over connections that could not be made', () => {
    publish('event');
    client.break();
    for (let i = 0; i < 100; i++) client.break();
    for (let i = 0; i < 100; i++) {
      client.emit('error', new Error('ECONNREFUSED'));
      client.break();
      client.accept(5);
      client.break();
    }
    client.accept();
    client.acknowledge(true);
    expect(client.written).toEqual(['event', 'event']);
    expect(log).toEqual([]);
  });

  it('is never dropped while connections without it end at once, too, and is acknowledged in the end', () => {
    publish('event');
    client.break();
    client.breakAtOnce(100);
    client.accept();
    client.answer();
    client.acknowledge();
    expect(outgoing.hasRoom).toBe(true);
    expect(log).toEqual([]);
  });

  it('is never dropped over connections that the service itself ends, or on which others are acknowledged', () => {
    publish('event');
    for (let i = 0; i < 60; i++) {
      renewConnection(client as unknown as MqttClient);
      client.break();
      client.accept();
    }
    for (let i = 0; i < 60; i++) {
      client.answer();
      client.break();
      client.accept();
    }
    client.acknowledge(true);
    expect(outgoing.hasRoom).toBe(true);
    expect(log).toEqual([]);
  });
});
