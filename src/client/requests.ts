import { randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import type { RpcException } from '@nestjs/microservices';
import { shown } from '../protocol/shown.js';
import type { AccessToken } from './access-token.js';
import { Call, type CallOptions, type Outcome } from './call.js';
import { codeOf, ConnectionLost, failure, textOf } from './client-error.js';
import type { JsonCodec } from './client-options.js';
import type { Connection } from './connection.js';
import { ReplyTopics } from './reply-topics.js';
import { keyOf, parseReply } from './reply.js';
import { printRequest, startOf } from './request-text.js';

/**
 * PUBLISHes without their PUBACK: beyond 64 the built-in broker reads no further, pings neither. A broker's Receive
 * Maximum may be lower still.
 */
const MAX_UNACKNOWLEDGED = 60;

/** What `Requests` needs to know. */
export interface RequestLimits {
  json: JsonCodec;
  maxRequestBytes: number;
}

/**
 * The requests that wait for their reply. All that a broken connection leaves without one are published again on the
 * next, in their order and under their `requestId`, which the service recognises. MQTT.js itself resends nothing: it
 * would do so before the subscription to the replies is back.
 */
export class Requests {
  private readonly logger = new Logger('DeviceHiveClient');
  private readonly replyTopics: ReplyTopics;
  private readonly calls = new Map<string, Call>();
  private urgent: Call[] = [];
  private queue: Call[] = [];
  /** requests on their way to their PUBACK, with the message id once there is one */
  private readonly unacknowledged = new Map<Call, number | undefined>();
  private connections = 0;
  private maxUnacknowledged = MAX_UNACKNOWLEDGED;
  private isClosed = false;

  constructor(
    private readonly connection: Connection,
    private readonly tokens: AccessToken | undefined,
    private readonly limits: RequestLimits,
  ) {
    this.replyTopics = new ReplyTopics(connection);
    connection.mqtt.on('connect', ({ properties }) => {
      this.maxUnacknowledged = Math.min(properties?.receiveMaximum ?? Infinity, MAX_UNACKNOWLEDGED);
      this.publishNext();
    });
    connection.mqtt.on('close', () => this.takeBack());
  }

  /**
   * @param callback gets the outcome, once
   * @returns what forgets the request; it may be executed all the same
   * @throws {RpcException} 400 for what cannot be sent, 499 once the client is closed
   * @throws {ConnectionLost} where the request ends with a connection and there is none
   */
  start(
    action: string,
    body: object,
    options: CallOptions,
    callback: (outcome: Outcome) => void,
  ): () => void {
    const { token, requestId: given } = body as { requestId?: unknown; token?: unknown };
    const requestId = given ?? randomUUID();
    const text = printRequest(this.limits.json, { ...body, action, requestId });
    const key = keyOf(this.limits.json, requestId);
    if (key === undefined) throw failure(400, 'The requestId of a request is JSON other than null');
    const call = new Call(action, key, text, token !== undefined, options, (outcome) => {
      if (this.forget(call)) callback(outcome);
    });
    if (this.isClosed) throw call.closed();
    if (call.endsWithConnection && !this.connection.isOpen) throw new ConnectionLost();
    if (this.calls.has(key)) throw failure(400, `A request with requestId ${key} is in flight`);
    this.calls.set(key, call);
    call.startTimer(() => (this.connection.isOpen ? undefined : this.connection.problem));
    this.connection.start();
    this.enqueue(call);
    this.publishNext();
    return () => this.forget(call);
  }

  /** As `start`, with a promise that is rejected with what `start` throws, too. */
  ask(action: string, body: object, options: CallOptions = {}): Promise<object> {
    return new Promise((resolve, reject) => {
      this.start(action, body, options, (outcome) =>
        'error' in outcome ? reject(outcome.error) : resolve(outcome.reply),
      );
    });
  }

  /** A message on one of the client's reply topics. */
  take(payload: Buffer): void {
    const reply = parseReply(this.limits.json, payload);
    if (!reply) return this.logger.warn(`A message that is no reply: ${shown(startOf(payload))}`);
    const { key, outcome } = reply;
    const refusal = 'error' in outcome ? outcome.error : undefined;
    if (key === undefined)
      return this.logger.warn(`A request that cannot be named was refused: ${shown(textOf(refusal))}`);
    // The reply to a forgotten request, or a second one, finds nobody.
    const call = this.calls.get(key);
    if (!call) return;
    const mayHelp = codeOf(refusal) === 401 && call.needsToken && !call.isSecondToken;
    if (!mayHelp || !this.tokens?.refuse(call.token)) return call.settle(outcome);
    call.isSecondToken = true;
    this.enqueue(call);
    this.publishNext();
  }

  /** Ends all that waits. */
  close(): void {
    this.isClosed = true;
    this.takeBack();
    for (const call of this.calls.values()) call.settle({ error: call.closed() });
  }

  private forget(call: Call): boolean {
    call.stopTimer();
    return this.calls.get(call.key) === call && this.calls.delete(call.key);
  }

  private enqueue(call: Call): void {
    (call.isUrgent ? this.urgent : this.queue).push(call);
  }

  private publishNext(): void {
    while (this.connection.isOpen) {
      const isFull = this.unacknowledged.size >= this.maxUnacknowledged;
      const call = this.urgent.shift() ?? (isFull ? undefined : this.queue.shift());
      if (!call) return;
      if (this.calls.get(call.key) !== call) continue;
      this.unacknowledged.set(call, undefined);
      void this.send(call, this.connections);
    }
  }

  private async send(call: Call, connection: number): Promise<void> {
    try {
      call.waitsForToken = true;
      call.token = call.needsToken ? await this.tokens?.get() : undefined;
      call.waitsForToken = false;
      const replyTopic = await this.replyTopics.for(call.action);
      if (connection !== this.connections) return;
      if (this.calls.get(call.key) === call) return this.publish(call, replyTopic);
    } catch (error) {
      // Another connection is on its way, where the request starts afresh.
      if (connection !== this.connections || error instanceof ConnectionLost) return;
      call.settle({ error: error as RpcException });
    }
    this.unacknowledged.delete(call);
    this.publishNext();
  }

  private publish(call: Call, responseTopic: string): void {
    const { mqtt, requestTopic, speaksMqtt5 } = this.connection;
    const { maxRequestBytes } = this.limits;
    const connection = this.connections;
    const payload = call.payload();
    if (Buffer.byteLength(payload) > maxRequestBytes) {
      throw failure(413, `Request is larger than ${maxRequestBytes} bytes`);
    }
    call.wasSent = true;
    const properties = speaksMqtt5 ? { responseTopic } : undefined;
    mqtt.publish(requestTopic, payload, { qos: 1, properties }, (error) => {
      if (connection !== this.connections) return;
      this.unacknowledged.delete(call);
      if (error) call.settle({ error: call.refused(error) });
      else if (call.options.isEmit) call.settle({ reply: {} });
      this.publishNext();
    });
    this.unacknowledged.set(call, mqtt.getLastMessageId());
  }

  /** The connection has ended: what has no reply is for the next one. */
  private takeBack(): void {
    this.connections++;
    for (const messageId of this.unacknowledged.values()) {
      if (messageId !== undefined) this.connection.mqtt.removeOutgoingMessage(messageId);
    }
    this.unacknowledged.clear();
    this.replyTopics.clear();
    this.urgent = [];
    this.queue = [];
    for (const call of this.calls.values()) {
      if (call.endsWithConnection) call.settle({ error: new ConnectionLost() });
      else this.enqueue(call);
    }
  }
}
