import { EventEmitter } from 'node:events';
import type { IPublishPacket, MqttClient } from 'mqtt';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { BrokerLink } from './broker-link.js';
import { TopicIdentity } from './client-identity.js';
import { type Delivery, RequestChannel } from './request-channel.js';

const MUCH = 64 * 1_048_576;

/** As far as a channel uses it; what is published comes back. */
class Client extends EventEmitter {
  handleMessage: unknown;
  readonly options = { protocolVersion: 5 };
  readonly stream = { destroy: vi.fn<() => void>() };
  readonly acknowledged: number[] = [];
  private lastId = 0;

  subscribeAsync = (topic: string, { qos }: { qos: number }) => Promise.resolve([{ topic, qos }]);
  publish = (topic: string, payload: string) => this.receive(topic, payload, 0);
  _sendPacket = ({ messageId }: { messageId: number }) => void this.acknowledged.push(messageId);

  receive(topic: string, payload: string, qos: 0 | 1): void {
    const packet = { topic, payload: Buffer.from(payload), qos, messageId: qos && ++this.lastId };
    this.emit('message', topic, packet.payload, packet as IPublishPacket);
  }
}

let client: Client;
let channel: RequestChannel;
let requested: Delivery[];

beforeEach(async () => {
  client = new Client();
  requested = [];
  const link = {
    identity: new TopicIdentity(),
    clientId: 'service',
    maxUnacknowledged: Infinity,
    update: () => {},
  } as unknown as BrokerLink;
  await new Promise<void>((opened, failed) => {
    channel = new RequestChannel(client as unknown as MqttClient, link, {
      requested: (delivery) => {
        if (channel.takesProbe(JSON.parse(String(delivery.packet.payload)).nonce, delivery.origin)) return;
        requested.push(delivery);
      },
      opened,
      failed,
    });
    client.emit('connect', { sessionPresent: true });
  });
});

const request = (body = '{}') => client.receive('dh/request/someone', body, 1);

describe('a channel that has as many bytes of requests as it may', () => {
  it('passes requests over, and has the broker send them again when what it has is done', () => {
    request();
    channel.hold(MUCH);
    request();
    expect(requested).toHaveLength(1);
    requested[0]!.settle(() => {});
    expect(client.acknowledged).toEqual([1]);
    expect(client.stream.destroy).not.toHaveBeenCalled();
    channel.hold(-MUCH);
    expect(client.stream.destroy).toHaveBeenCalledOnce();
  });

  it('does so too where no other request waits for its acknowledgement', () => {
    channel.hold(MUCH);
    request();
    expect(requested).toHaveLength(0);
    channel.hold(-1);
    expect(client.stream.destroy).toHaveBeenCalledOnce();
  });

  it('passes over what comes behind until the connection has ended, so that the order stays', () => {
    channel.hold(MUCH);
    request();
    channel.hold(-MUCH);
    request();
    expect(requested).toHaveLength(0);
    client.emit('close');
    request();
    expect(requested).toHaveLength(1);
  });

  it('does not end a connection over which it has passed over nothing', () => {
    request();
    channel.hold(MUCH);
    channel.hold(-MUCH);
    requested[0]!.settle(() => {});
    expect(client.stream.destroy).not.toHaveBeenCalled();
  });

  it('counts those that are done and wait for the PUBACK of an earlier one', () => {
    request();
    request(`{"text":"${'x'.repeat(MUCH)}"}`);
    requested[1]!.settle(() => {});
    request();
    expect(requested).toHaveLength(2);
    requested[0]!.settle(() => {});
    expect(client.acknowledged).toEqual([1, 2]);
    expect(client.stream.destroy).toHaveBeenCalledOnce();
  });
});
