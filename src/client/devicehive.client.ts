import { Logger } from '@nestjs/common';
import { ClientProxy, type MqttEvents, type ReadPacket, type WritePacket } from '@nestjs/microservices';
import type { MqttClientEventCallbacks } from 'mqtt';
import { AsyncSubject, from, Observable } from 'rxjs';
import { isJsonObject } from '../protocol/json-object.js';
import { shown } from '../protocol/shown.js';
import { responseOwner } from '../protocol/topics.js';
import { AccessToken } from './access-token.js';
import { failure, textOf } from './client-error.js';
import { type DeviceHiveClientOptions, timerOf } from './client-options.js';
import { Connection } from './connection.js';
import { type DeviceEvents, EVENT_KINDS, type EventSelection } from './device-events.js';
import { EventStreams } from './event-streams.js';
import { Requests } from './requests.js';

/** What an attempt to connect may take: as long as a request, but time enough for TLS, and for a broker that is away. */
const MIN_CONNECT_MS = 1_000;
const MAX_CONNECT_MS = 5_000;

/**
 * Calls a DeviceHive service from another Nest application, over one MQTT connection:
 *
 *     ClientsModule.register([
 *       { name: 'DEVICEHIVE', customClass: DeviceHiveClient, options: { url: 'mqtt://broker:1883', token } },
 *     ])
 *
 * Errors are `RpcException`s whose `getError()` is `{ code, message }`: DeviceHive's code and text for a refused request
 * (`docs/compatibility.md`), and from the client itself
 *
 * - 400, 413: the request cannot be sent as it is
 * - 401: the token supplier failed
 * - 403: the broker refuses the request or the subscription
 * - 499: the client is closed
 * - 503: not sent in time, since there is no connection
 * - 504: no reply in time; the request may have been executed
 *
 * A request without a reply when the connection breaks is sent again on the next one, with the same `requestId`, which
 * has no second effect; an action of an extension is executed again. The same is true of a call of one's own with the
 * `requestId` of an earlier one, from a client with the same `clientId`, as after a 504.
 */
export class DeviceHiveClient extends ClientProxy<MqttEvents> {
  private readonly logger = new Logger('DeviceHiveClient');
  private readonly connection: Connection;
  private readonly requests: Requests;
  private readonly streams: EventStreams;
  private readonly timeout: number;
  private isClosed = false;

  /** @throws {TypeError} for a URL, a client id or a timeout that cannot be; it connects with the first use */
  constructor(options: DeviceHiveClientOptions) {
    super();
    const {
      url,
      token,
      timeout = 30_000,
      maxRequestBytes = 1_048_576,
      json = JSON,
      ...mqttOptions
    } = options;
    this.timeout = timerOf(timeout);
    const connectTimeout = Math.min(Math.max(this.timeout, MIN_CONNECT_MS), MAX_CONNECT_MS);
    this.connection = new Connection(url, { connectTimeout, ...mqttOptions });
    const source = typeof token === 'function' ? () => token(this) : token;
    const tokens = source === undefined ? undefined : new AccessToken(source, this.timeout);
    this.requests = new Requests(this.connection, tokens, { json, maxRequestBytes });
    this.streams = new EventStreams(this.connection, json, this.requests, tokens);
    this.listen();
  }

  /**
   * Not needed before the first request, but tells at the start whether there is a broker.
   * @throws {RpcException} 503 when the next attempt fails; the client goes on trying
   */
  async connect(): Promise<void> {
    if (this.isClosed) throw failure(499, 'The client is closed');
    await this.connection.opened();
  }

  /** Ends the connection, for good. All that waits gets an error, all streams of events too. */
  async close(): Promise<void> {
    if (this.isClosed) return;
    this.isClosed = true;
    this.requests.close();
    this.streams.fail(failure(499, 'The client is closed'));
    await this.connection.end();
    this._status$.next('closed');
  }

  /**
   * Sends a request when its Observable is subscribed to; it waits for a connection, within its timeout.
   * @param action e.g. `command/update`
   * @param data the request's fields, without `action`. A `token` in it is used instead of the client's, and a
   *   `requestId` instead of a random one.
   * @returns what the action returns: the reply without `action`, `requestId` and `status`. Who unsubscribes does not
   *   learn of the reply; the request may be executed all the same.
   */
  override send<Reply = Record<string, unknown>, Data = object>(
    action: string,
    data: Data,
  ): Observable<Reply> {
    if (data == null) return super.send(action, data);
    return new Observable((observer) =>
      this.publish(this.createPacket(action, data), this.createObserver<unknown>(observer as never)),
    );
  }

  /**
   * Sends a request at once, and does not wait for its reply: a refusal goes unnoticed.
   * @returns completes with the PUBACK, which on the built-in broker comes when the request is executed or refused, on
   *   another one when that has it
   */
  override emit<Reply = void, Data = object>(action: string, data: Data): Observable<Reply> {
    if (data == null) return super.emit(action, data);
    const sent = new AsyncSubject<Reply>();
    from(this.dispatchEvent<Reply>(this.createPacket(action, data))).subscribe(sent);
    return sent;
  }

  /**
   * Streams commands, their updates or notifications until it is unsubscribed from. It goes on after a reconnect; what
   * happened meanwhile is not repeated, except with `clean: false` and a `clientId`. Events come at least once and may
   * come twice, also to those whose selections overlap: `id` and `lastUpdated` name a version.
   *
   * Needs `GetDeviceCommand` or `GetDeviceNotification`: without it, or without rights for a device, nothing comes.
   * @param live called when the broker has taken the subscription: the first time, and after each reconnect
   * @throws through the Observable {RpcException}: 400 for a selection that no broker takes, 401, 403 or 499
   */
  events<Action extends keyof DeviceEvents>(
    action: Action,
    selection: EventSelection = {},
    live?: () => void,
  ): Observable<DeviceEvents[Action]> {
    return new Observable((observer) => {
      if (this.isClosed) return observer.error(failure(499, 'The client is closed'));
      if (!Object.hasOwn(EVENT_KINDS, action)) {
        return observer.error(failure(400, `There are no events of ${shown(String(action))}`));
      }
      return this.streams.watch(EVENT_KINDS[action], selection, {
        next: (event) => observer.next(event as DeviceEvents[Action]),
        error: (error) => observer.error(error),
        live,
      });
    });
  }

  override on<Event extends keyof MqttEvents>(event: Event, callback: MqttEvents[Event]): void {
    this.connection.mqtt.on(event, callback as MqttClientEventCallbacks[Event]);
  }

  /** @returns the client of MQTT.js */
  override unwrap<T>(): T {
    return this.connection.mqtt as T;
  }

  protected override publish(
    { pattern, data }: ReadPacket,
    callback: (packet: WritePacket) => void,
  ): () => void {
    try {
      if (!isJsonObject(data)) throw failure(400, 'The data of a request is an object');
      return this.requests.start(this.normalizePattern(pattern), data, { timeout: this.timeout }, (outcome) =>
        callback('error' in outcome ? { err: outcome.error } : { response: outcome.reply, isDisposed: true }),
      );
    } catch (err) {
      callback({ err });
      return () => {};
    }
  }

  protected override async dispatchEvent<T>({ pattern, data }: ReadPacket): Promise<T> {
    if (!isJsonObject(data)) throw failure(400, 'The data of a request is an object');
    const options = { timeout: this.timeout, isEmit: true };
    await this.requests.ask(this.normalizePattern(pattern), data, options);
    return undefined as T;
  }

  private listen(): void {
    const { mqtt, clientId } = this.connection;
    mqtt.on('message', (topic, payload) => {
      try {
        if (responseOwner(topic) === clientId) this.requests.take(payload);
        else this.streams.take(topic, payload);
      } catch (error) {
        // MQTT.js would let it end the process.
        this.logger.error(`A message on ${shown(topic)} was dropped: ${textOf(error)}`);
      }
    });
    mqtt.on('connect', () => this._status$.next('connected'));
    mqtt.on('reconnect', () => this._status$.next('reconnecting'));
    mqtt.on('close', () => this._status$.next(this.isClosed ? 'closed' : 'disconnected'));
  }
}
