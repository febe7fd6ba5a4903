import { Injectable, Logger } from '@nestjs/common';
import { type MessageHandler, type MqttOptions, ServerMqtt } from '@nestjs/microservices';
import type { IPublishPacket, MqttClient } from 'mqtt';
import { ActionError, internalError, overloaded } from '../protocol/action-error.js';
import { decodeEnvelope, errorReply, successReply, unknownAction } from '../protocol/envelope.js';
import type { Answered, Envelope, EnvelopeError } from '../protocol/envelope.js';
import { isActionName } from '../protocol/topics.js';
import type { RequestOrigin } from './client-identity.js';
import { type ActionExtras, DEVICEHIVE, DeviceHiveContext, isAction } from './devicehive.context.js';
import { drain, endClient } from './drain.js';
import { Lanes } from './lanes.js';
import { refusalLine } from './refusal-line.js';
import { RequestPath } from './request-path.js';
import { BrokerLink, TransportOptions } from './transport.options.js';
import { WorkLimit } from './work-limit.js';

/** Requests in work at SIGTERM get this long to be answered; the whole stop has 10 s. */
const DRAIN_MS = 6_000;

/**
 * DeviceHive's request/response convention as a Nest transport: requests arrive on one topic and name their
 * handler by `action`; each gets exactly one reply. Pass it as `strategy` to `connectMicroservice`.
 */
@Injectable()
export class DeviceHiveServer extends ServerMqtt {
  override readonly transportId: symbol = DEVICEHIVE;
  protected override readonly logger = new Logger(DeviceHiveServer.name);
  private readonly work: WorkLimit;
  private readonly lanes = new Lanes();
  private path?: RequestPath;
  private onListening: (error?: unknown) => void = () => {};

  constructor(
    private readonly link: BrokerLink,
    private readonly limits: TransportOptions,
  ) {
    super({} as Required<MqttOptions>['options']);
    this.work = new WorkLimit(limits.maxInFlight);
  }

  /** Connected, subscribed, and a request of our own has come back through the broker. */
  get isReady(): boolean {
    return this.path?.isOpen ?? false;
  }

  /** Nest offers handlers without a transport to every server; only those of `@ActionController()` are ours. */
  override addHandler(action: string, handler: MessageHandler, isEvent?: boolean, extras?: object): void {
    if (isAction(extras)) super.addHandler(action, handler, isEvent, extras);
  }

  override createMqttClient(): Promise<MqttClient> {
    return Promise.resolve(this.link.open());
  }

  /** Settles once the request path works from end to end, not already when the connection stands. */
  override async listen(callback: (error?: unknown) => void): Promise<void> {
    this.onListening = callback;
    await super.listen((error?: unknown) => error && callback(error));
  }

  override bindEvents(client: MqttClient): void {
    const path = new RequestPath(client, this.link.identity.filter);
    this.path = path;
    client.on('connect', () => void this.openPath(path));
    client.on('message', (topic, payload, packet) => {
      this.receive(topic, payload, packet).catch((error) => this.handleError(error));
    });
  }

  /** After every connect: what was subscribed before may be gone with the connection. */
  private async openPath(path: RequestPath): Promise<void> {
    try {
      await path.open();
      this.onListening();
    } catch (error) {
      this.handleError(error);
      this.onListening(error);
    } finally {
      this.onListening = () => {};
    }
  }

  protected override handleError(error: unknown): void {
    this.logger.error(error);
  }

  /** Hands an event to the broker: QoS 1, not retained, in the order of the calls and before the reply. */
  publishEvent(topic: string, payload: string): void {
    this.mqttClient.publish(topic, payload, { qos: 1 });
  }

  /** Takes no new work, answers what is in work, then disconnects. Nest waits for it on every way to stop. */
  override async close(): Promise<void> {
    if (!this.mqttClient) return;
    this.path?.close();
    await drain(this.mqttClient, this.link.identity.filter, this.work.idle(), DRAIN_MS);
    await endClient(this.mqttClient);
  }

  private async receive(topic: string, payload: Buffer, packet: IPublishPacket): Promise<void> {
    const origin = this.link.identity.identify(topic);
    if (!origin) return this.logger.warn('A request of an unknown sender is not executed');
    const request = this.decode(origin, payload);
    if (!request) return;
    if (origin.qos === 0 && this.work.isFull) return this.refuse(origin, overloaded(), request);
    const context = new DeviceHiveContext(topic, packet, origin, request);
    await this.work.run(() => this.inOrder(context, () => this.answer(context)));
  }

  /** @returns `undefined` for what is answered already, and for our own probe */
  private decode(origin: RequestOrigin, payload: Buffer): Envelope | undefined {
    const { maxRequestBytes } = this.limits;
    if (payload.length > maxRequestBytes) {
      return this.refuse(origin, new ActionError(413, `Request is larger than ${maxRequestBytes} bytes`));
    }
    try {
      const request = decodeEnvelope(payload);
      if (origin.clientId === this.link.clientId && this.path?.takes(request)) return undefined;
      if (!origin.retained) return request;
      return this.refuse(origin, new ActionError(400, 'Retained requests are not executed'), request);
    } catch (error) {
      return this.refuse(origin, error as EnvelopeError, (error as EnvelopeError).request);
    }
  }

  /**
   * A guard may take longer for one request than for the next, so where order counts it is kept from here on:
   * requests of one client with the same value in the field that the handler names run one after the other.
   */
  private inOrder({ origin, request }: DeviceHiveContext, work: () => Promise<void>): Promise<void> {
    const field = (this.messageHandlers.get(request.action)?.extras as ActionExtras | undefined)?.inOrderOf;
    const value = field && request.body[field];
    if (typeof value !== 'number' && typeof value !== 'string') return work();
    return this.lanes.run(`${origin.connectionId ?? origin.clientId} ${Number(value)}`, work);
  }

  private async answer(context: DeviceHiveContext): Promise<void> {
    const { origin, request } = context;
    const handler = this.messageHandlers.get(request.action);
    if (!handler) return this.refuse(origin, unknownAction(request.action), request);
    try {
      const data = await this.call(handler, context);
      if (data !== undefined && !isPlainObject(data)) {
        throw new TypeError(`The handler of ${request.action} must return an object or nothing`);
      }
      this.reply(origin, request.action, successReply(request, data));
    } catch (error) {
      // The filter has logged its own. What is no ActionError tells the client nothing.
      const known = error instanceof ActionError ? error : internalError();
      if (known !== error) this.handleError(error);
      this.reply(origin, request.action, errorReply(request, known));
    }
  }

  /** Through Nest's guards, pipes and filters; the first value is the reply, later ones are not part of the protocol. */
  private call(handler: MessageHandler, context: DeviceHiveContext): Promise<unknown> {
    return new Promise((resolve, reject) => {
      // Typed void, but a promise unless somebody's start hook returns nothing.
      const handled: unknown = this.handleRequest(
        context,
        async () => this.transformToObservable(await handler(context.request.body, context)),
        ({ err, response }) => (err ? reject(err) : resolve(response)),
      );
      Promise.resolve(handled).catch(reject);
    });
  }

  /** Answers what never reached a handler, with its line in the log. */
  private refuse(origin: RequestOrigin, error: ActionError, request?: Answered): undefined {
    this.logger.log(refusalLine(origin, error, request));
    const action = request?.action && isActionName(request.action) ? request.action : null;
    this.reply(origin, action, errorReply(request, error));
  }

  private reply(origin: RequestOrigin, action: string | null, payload: string): void {
    const qos = Math.min(origin.qos, 1) as 0 | 1;
    this.mqttClient.publish(origin.replyTopic(action), payload, { qos });
  }
}

function isPlainObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
