import { EventEmitter } from 'node:events';
import type { IPublishPacket, MqttClient } from 'mqtt';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Acknowledgements } from './acknowledgements.js';

/** What `Acknowledgements` needs of MQTT.js: its events, and what leaves through it. */
class FakeClient extends EventEmitter {
  readonly written: string[] = [];
  handleMessage: (packet: IPublishPacket, done: (error?: Error) => void) => void = () => {};

  _sendPacket({ cmd, messageId }: { cmd: string; messageId: number }): void {
    this.written.push(`${cmd} ${messageId}`);
  }
}

let client: FakeClient;
let mayWrite = true;
let acknowledgements: Acknowledgements;

beforeEach(() => {
  client = new FakeClient();
  mayWrite = true;
  acknowledgements = new Acknowledgements(client as unknown as MqttClient, () => mayWrite);
  client.emit('connect', { sessionPresent: true });
});
afterEach(() => {
  vi.useRealTimers();
});

const packet = (messageId: number, payload = `payload ${messageId}`): IPublishPacket => ({
  cmd: 'publish',
  topic: 'dh/request/me',
  payload: Buffer.from(payload),
  messageId,
  qos: 1,
  dup: false,
  retain: false,
});
const take = (messageId: number, payload?: string) => acknowledgements.take(packet(messageId, payload));
const settle = (request: ReturnType<typeof take>) =>
  acknowledgements.settle(request!, () => client.written.push(`reply ${request!.messageId}`));
const breakConnection = () => client.emit('close');
const connect = (sessionPresent = true) => client.emit('connect', { sessionPresent });

describe('PUBACK and reply', () => {
  it('leave together when the request is done', () => {
    const request = take(1);
    expect(client.written).toEqual([]);
    settle(request);
    expect(client.written).toEqual(['puback 1', 'reply 1']);
  });

  it('leave in the order of arrival', () => {
    const [first, second, third] = [take(1), take(2), take(3)];
    settle(third);
    settle(second);
    expect(client.written).toEqual([]);
    settle(first);
    expect(client.written).toEqual(['puback 1', 'reply 1', 'puback 2', 'reply 2', 'puback 3', 'reply 3']);
  });

  it('wait for an event that is not sent yet', () => {
    mayWrite = false;
    settle(take(1));
    expect(client.written).toEqual([]);
    mayWrite = true;
    acknowledgements.flush();
    expect(client.written).toEqual(['puback 1', 'reply 1']);
  });

  it('are let through the library only where there is no QoS', () => {
    const done = vi.fn<(error?: Error) => void>();
    client.handleMessage({ ...packet(1), qos: 0 }, done);
    expect(done).toHaveBeenCalledWith();
    client.handleMessage(packet(1), done);
    expect(done).toHaveBeenLastCalledWith(expect.any(Error));
  });
});

describe('a request that takes long', () => {
  it('holds back the PUBACKs of later ones, and their replies a quarter of a second', () => {
    vi.useFakeTimers();
    const [slow, second, third] = [take(1), take(2), take(3)];
    settle(second);
    vi.advanceTimersByTime(249);
    expect(client.written).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(client.written).toEqual(['reply 2']);
    settle(third);
    expect(client.written).toEqual(['reply 2', 'reply 3']);
    settle(slow);
    expect(client.written.slice(2)).toEqual(['reply 1', 'puback 1', 'puback 2', 'puback 3']);
  });

  it('is measured from when it is the first one', () => {
    vi.useFakeTimers();
    const [first, second, third] = [take(1), take(2), take(3)];
    vi.advanceTimersByTime(200);
    settle(first);
    settle(third);
    vi.advanceTimersByTime(200);
    expect(client.written).toEqual(['puback 1', 'reply 1']);
    settle(second);
    expect(client.written.slice(2)).toEqual(['puback 2', 'reply 2', 'puback 3', 'reply 3']);
  });
});

describe('a request that takes long, in other circumstances', () => {
  it('holds replies back no longer where it came before the connection was open again', () => {
    vi.useFakeTimers();
    const slow = take(1);
    breakConnection();
    take(1);
    const second = take(2);
    connect();
    settle(second);
    vi.advanceTimersByTime(250);
    expect(client.written).toEqual(['reply 2']);
    settle(slow);
  });

  it('holds replies back no longer where an event waited when it came', () => {
    vi.useFakeTimers();
    mayWrite = false;
    take(1);
    const second = take(2);
    mayWrite = true;
    acknowledgements.flush();
    settle(second);
    vi.advanceTimersByTime(250);
    expect(client.written).toEqual(['reply 2']);
  });
});

describe('a request that comes again on the same connection', () => {
  it('joins the first where the broker says that it may have come before', () => {
    const request = take(1);
    expect(acknowledgements.take({ ...packet(1), dup: true })).toBeUndefined();
    settle(request);
    expect(client.written).toEqual(['puback 1', 'reply 1']);
  });
});

describe('a connection that breaks', () => {
  it('takes its acknowledgements along; the reply goes out on the next one', () => {
    const request = take(1);
    breakConnection();
    settle(request);
    expect(client.written).toEqual(['reply 1']);
    connect();
    expect(client.written).toEqual(['reply 1']);
  });

  it('has the redelivery of a request that is in work join it: it is not begun again', () => {
    const request = take(1);
    breakConnection();
    expect(take(1)).toBeUndefined();
    connect();
    settle(request);
    expect(client.written).toEqual(['puback 1', 'reply 1']);
  });

  it('has the redelivery of a request that is done meanwhile acknowledged without beginning it', () => {
    const request = take(1);
    breakConnection();
    settle(request);
    breakConnection();
    connect();
    expect(take(1)).toBeUndefined();
    expect(client.written).toEqual(['reply 1', 'puback 1']);
  });

  it('has a reply that waited for its PUBACK let out', () => {
    take(1);
    settle(take(2));
    breakConnection();
    expect(client.written).toEqual(['reply 2']);
  });

  it('keeps the order of the redeliveries', () => {
    const [first, second] = [take(1), take(2)];
    breakConnection();
    connect();
    take(1);
    take(2);
    settle(second);
    expect(client.written).toEqual([]);
    settle(first);
    expect(client.written).toEqual(['puback 1', 'reply 1', 'puback 2', 'reply 2']);
  });

  it('lets a new request under an old message id begin', () => {
    take(1);
    breakConnection();
    connect();
    expect(take(1, 'another payload')).toBeDefined();
  });

  it('lets everything begin where the broker has forgotten the session', () => {
    take(1);
    breakConnection();
    connect(false);
    expect(take(1)).toBeDefined();
  });

  it('acknowledges nothing before the library has sent again what the last connection left', () => {
    breakConnection();
    settle(take(1));
    expect(client.written).toEqual([]);
    connect();
    expect(client.written).toEqual(['puback 1', 'reply 1']);
  });
});

it('refuses a library that it cannot steer', () => {
  const other = new EventEmitter() as unknown as MqttClient;
  expect(() => new Acknowledgements(other, () => true)).toThrow('5.16.0');
});
