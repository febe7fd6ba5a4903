import { EventEmitter } from 'node:events';
import type { MqttClient } from 'mqtt';
import { Outgoing } from '../../src/transport/link/outgoing.js';

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
export class FakeClient extends EventEmitter {
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

  /** Connections that end before the broker has answered anything. */
  breakAtOnce(times: number): void {
    for (let i = 0; i < times; i++) {
      this.accept();
      this.break();
    }
  }

  private take(messageId: number): Sent | undefined {
    const place = this.stored.findIndex(({ id }) => id === messageId);
    return place < 0 ? undefined : this.stored.splice(place, 1)[0];
  }
}

/** Sends over a client that is connected and has been answered. */
export function outgoingOver(client: FakeClient): Outgoing {
  client.on('error', () => {});
  const outgoing = new Outgoing(client as unknown as MqttClient, () => {});
  client.onProbe = () => outgoing.prove();
  client.accept();
  client.answer();
  return outgoing;
}
