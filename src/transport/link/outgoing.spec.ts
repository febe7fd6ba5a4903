import { Logger } from '@nestjs/common';
import { EventEmitter } from 'node:events';
import type { MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { renewConnection } from './drain.js';
import { Outgoing } from './outgoing.js';

interface Sent {
  id: number;
  topic: string;
  done: (error?: Error) => void;
}

function newStream() {
  const stream = {
    destroyed: false,
    errored: null as Error | null,
    destroy(error?: Error) {
      stream.destroyed = true;
      stream.errored = error ?? null;
    },
  };
  return stream;
}

/** What `Outgoing` needs of MQTT.js: its events, its order, and that it sends what is unacknowledged again one by one. */
class FakeClient extends EventEmitter {
  disconnecting = false;
  outgoingStore: unknown;
  options = { protocolVersion: 4 };
  stream = newStream();
  /** topics in the order in which they were written */
  readonly written: string[] = [];
  /** what the writer does at a topic */
  readonly atTopic = new Map<string, () => void>();
  onProbe = () => {};
  private readonly stored: Sent[] = [];
  private lastId = 0;

  publish(topic: string, _payload: string, { qos }: { qos: number }, done: (error?: Error) => void): void {
    if (qos > 0) this.stored.push({ id: ++this.lastId, topic, done });
    this.written.push(topic);
    this.atTopic.get(topic)?.();
  }

  getLastMessageId(): number {
    return this.lastId;
  }

  removeOutgoingMessage(messageId: number): void {
    this.take(messageId)?.done(new Error('Message removed'));
  }

  /** The broker lets it in; `connect` follows when nothing is left to be sent again. */
  accept(returnCode = 0): void {
    this.stream = newStream();
    this.emit('packetreceive', { cmd: 'connack', returnCode });
    if (returnCode > 0) return;
    const [first] = this.stored;
    if (first) this.written.push(first.topic);
    else this.emit('connect', {});
  }

  /** The broker takes the subscription, and the probe comes back. */
  answer(): void {
    this.emit('packetreceive', { cmd: 'suback' });
    this.onProbe();
  }

  /** The broker acknowledges what was written first. */
  acknowledge(isResent = false): void {
    this.emit('packetreceive', { cmd: 'puback' });
    this.take(this.stored[0]!.id)!.done();
    if (!isResent) return;
    if (this.stored[0]) this.written.push(this.stored[0].topic);
    else this.emit('connect', {});
  }

  break(): void {
    this.stream.destroyed = true;
    this.emit('close');
  }

  private take(messageId: number): Sent | undefined {
    const place = this.stored.findIndex(({ id }) => id === messageId);
    return place < 0 ? undefined : this.stored.splice(place, 1)[0];
  }
}

let client: FakeClient;
let outgoing: Outgoing;
let log: string[];

beforeEach(() => {
  log = [];
  for (const level of ['log', 'warn', 'error'] as const) {
    vi.spyOn(Logger.prototype, level).mockImplementation((line) => void log.push(String(line)));
  }
  client = new FakeClient();
  client.on('error', () => {});
  outgoing = new Outgoing(client as unknown as MqttClient, () => {});
  client.onProbe = () => outgoing.prove();
  client.accept();
  client.answer();
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

const publish = (topic: string, payload = '{}') => outgoing.publish(topic, payload, 1);
const linesWith = (text: string) => log.filter((line) => line.includes(text));
/** Connections that end before the broker has answered anything. */
function breakAtOnce(times: number): void {
  for (let i = 0; i < times; i++) {
    client.accept();
    client.break();
  }
}
/** All that it takes to find out that a message ends connections. */
function convict(topic: string, payload?: string): void {
  publish(topic, payload);
  client.break();
  breakAtOnce(3);
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
    breakAtOnce(3);
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
    breakAtOnce(3);
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
    breakAtOnce(3);
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
    breakAtOnce(1);
    client.accept();
    client.answer();
    client.break();
    expect(linesWith('over a message on "worse"')).toHaveLength(1);
  });

  it('is found sooner where another one is suspected, which is sent first', () => {
    publish('bad');
    publish('worse');
    client.break();
    breakAtOnce(4);
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
    breakAtOnce(100);
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
