import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';
import { brokerAddress } from '../protocol/broker-url.js';
import { isClientId, REQUEST_TOPIC } from '../protocol/topics.js';
import { ConnectionLost, failure, REFUSED, textOf } from './client-error.js';

/** A dead network is noticed after one and a half of these: before a request has used up its 30 s. */
const KEEP_ALIVE_S = 15;
const GOODBYE_MS = 1_000;

/** The one connection to the broker, made anew by MQTT.js whenever it breaks. */
export class Connection {
  readonly mqtt: MqttClient;
  readonly clientId: string;
  /** the broker's address, fit to be shown */
  readonly address: string;
  /** why there is none */
  problem = 'no answer';
  isOpen = false;
  private isStarted = false;
  private isEnded = false;
  /** who waits for the next attempt */
  private readonly waiting = new Set<() => void>();
  /** the filters whose UNSUBSCRIBE has no answer yet */
  private readonly leaving = new Map<string, Promise<void>>();

  /** @throws {TypeError} for a client id or a URL that cannot be */
  constructor(url: string, options: IClientOptions) {
    this.clientId = options.clientId ?? `nest-${randomUUID()}`;
    if (!isClientId(this.clientId)) {
      throw new TypeError(
        `clientId ${this.clientId}: 1 to 128 characters without / + # and control characters`,
      );
    }
    this.address = brokerAddress(url);
    this.mqtt = connect(url, {
      keepalive: KEEP_ALIVE_S,
      // MQTT.js describes each packet to its log several times.
      log: () => {},
      ...options,
      clientId: this.clientId,
      // A session has to be authenticated before it may subscribe.
      resubscribe: false,
      // Without it one refusal is the end, also that of a broker that is only starting.
      reconnectOnConnackError: true,
      manualConnect: true,
    });
    this.mqtt.on('error', (error) => (this.problem = textOf(error)));
    this.mqtt.on('connect', () => {
      // With Nagle's algorithm a request waits 40 ms for the acknowledgement of the one before.
      (this.mqtt.stream as Partial<Socket>).setNoDelay?.(true);
      this.isOpen = true;
      this.problem = 'the connection is lost';
      this.tellWaiting();
    });
    this.mqtt.on('close', () => {
      this.isOpen = false;
      this.tellWaiting();
    });
  }

  /** Where requests go: brokers check the client id in it, and the built-in one ignores it. */
  get requestTopic(): string {
    return `${REQUEST_TOPIC}/${this.clientId}`;
  }

  get speaksMqtt5(): boolean {
    return this.mqtt.options.protocolVersion === 5;
  }

  /** Begins to connect, once. */
  start(): void {
    if (this.isStarted) return;
    this.isStarted = true;
    this.mqtt.connect();
  }

  /**
   * Resolves when connected.
   * @throws {RpcException} 503 at the next failure; trying goes on. 499 where the client is closed meanwhile.
   */
  async opened(): Promise<void> {
    this.start();
    if (this.isOpen) return;
    await new Promise<void>((resolve) => this.waiting.add(resolve));
    if (this.isEnded) throw failure(499, 'The client is closed');
    if (!this.isOpen) throw failure(503, `No connection to ${this.address}: ${this.problem}`);
  }

  /**
   * @throws {RpcException} 403 where the broker refuses, 400 where MQTT.js does
   * @throws {ConnectionLost}
   */
  async subscribe(filter: string): Promise<void> {
    if (!this.isOpen) throw new ConnectionLost();
    try {
      await this.mqtt.subscribeAsync(filter, { qos: 1 });
    } catch (error) {
      const { packet } = error as { packet?: { granted?: number[] } };
      if (packet?.granted?.some((code) => code >= REFUSED)) {
        throw failure(403, `The broker refuses the subscription to ${filter}`, error);
      }
      if (!this.isOpen) throw new ConnectionLost();
      throw failure(400, `No subscription to ${filter}: ${textOf(error)}`, error);
    }
  }

  unsubscribe(filter: string): void {
    if (!this.isOpen) return;
    // One that fails has lost its connection, and the subscription with it.
    const left = new Promise<void>((resolve) => this.mqtt.unsubscribe(filter, () => resolve()));
    this.leaving.set(filter, left);
    void left.then(() => this.leaving.get(filter) === left && this.leaving.delete(filter));
  }

  /** Resolves when no end of a subscription is on its way; the connection may be lost by then. */
  async unsubscribed(filter: string): Promise<void> {
    while (this.leaving.has(filter)) await this.leaving.get(filter);
  }

  /** Says goodbye where somebody listens; resolves in any case, as MQTT.js waits for acknowledgements for ever. */
  async end(): Promise<void> {
    // While MQTT.js waits for a socket to end it would take another start for wanted.
    this.mqtt.options.reconnectPeriod = 0;
    this.isEnded = true;
    this.tellWaiting();
    if (!this.isStarted) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.mqtt.stream.destroy();
        resolve();
      }, GOODBYE_MS);
      this.mqtt.end(!this.isOpen, () => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  private tellWaiting(): void {
    for (const tell of this.waiting) tell();
    this.waiting.clear();
  }
}
