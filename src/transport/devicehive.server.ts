import { Injectable, Logger } from '@nestjs/common';
import { type MessageHandler, type MqttOptions, ServerMqtt } from '@nestjs/microservices';
import type { MqttClient } from 'mqtt';
import { ActionError, internalError, rowLocked, Superseded } from '../protocol/action-error.js';
import type { DeviceEvent } from '../protocol/device-event.js';
import { type Envelope, errorReply, successReply, unknownAction } from '../protocol/envelope.js';
import { isJsonObject } from '../protocol/json-object.js';
import { type ActionExtras, DEVICEHIVE, DeviceHiveContext, isAction } from './devicehive.context.js';
import { laneOf, Lanes } from './lanes.js';
import { BrokerLink } from './link/broker-link.js';
import { endClient, withDeadline } from './link/drain.js';
import { type Delivery, RequestChannel } from './link/request-channel.js';
import { Replies } from './intake/replies.js';
import { RequestIntake } from './intake/request-intake.js';
import { TransportOptions } from './transport.options.js';

/** Requests in work at SIGTERM get this long to be answered; the whole stop has 10 s. */
const DRAIN_MS = 6_000;
/** Work of a term that was lost comes to nothing; a next term waits for its end no longer than this. */
const ENDED_MS = 5_000;

/**
 * DeviceHive's request/response convention as a Nest transport: requests arrive on one topic and name their
 * handler by `action`; each gets exactly one reply. Pass it as `strategy` to `connectMicroservice`.
 */
@Injectable()
export class DeviceHiveServer extends ServerMqtt {
  override readonly transportId: symbol = DEVICEHIVE;
  protected override readonly logger = new Logger(DeviceHiveServer.name);
  private readonly intake: RequestIntake;
  private readonly lanes = new Lanes();
  private readonly replies = new Replies();
  private channel?: RequestChannel;
  private isStandby = false;
  private isStopping = false;
  private onListening: (error?: unknown) => void = () => {};
  private onReady: () => void = () => {};
  /** Resolves when the service is ready for the first time, as the active replica or as a standby. */
  readonly whenReady = new Promise<void>((resolve) => (this.onReady = resolve));

  constructor(
    private readonly link: BrokerLink,
    private readonly limits: TransportOptions,
  ) {
    super({} as Required<MqttOptions>['options']);
    this.intake = new RequestIntake(limits, this.replies, (...request) => this.execute(...request));
  }

  /** `down` while this replica should be connected and cannot answer. */
  get state(): 'active' | 'standby' | 'down' {
    if (this.isStandby) return 'standby';
    return this.channel?.isOpen && !this.isStopping ? 'active' : 'down';
  }

  /** Requests that were not executed because nobody vouched for their sender. */
  get unknownSenders(): number {
    return this.channel?.unknownSenders.count ?? 0;
  }

  /** Nest offers handlers without a transport to every server; only those of `@ActionController()` are ours. */
  override addHandler(action: string, handler: MessageHandler, isEvent?: boolean, extras?: object): void {
    if (isAction(extras)) super.addHandler(action, handler, isEvent, extras);
  }

  /**
   * Settles once the request path works from end to end, not already when the connection stands; at once where
   * the service may start without its broker.
   */
  override listen(callback: (error?: unknown) => void): Promise<void> {
    this.onListening = callback;
    this.link.open({
      opened: (client) => this.use(client),
      standsBy: () => {
        this.isStandby = true;
        this.onReady();
      },
      isServing: () => this.channel?.isOpen ?? false,
      ended: async () => {
        this.channel?.close();
        await withDeadline(this.intake.idle(), ENDED_MS);
      },
    });
    if (this.link.mayBeAway) this.listening();
    return Promise.resolve();
  }

  private use(client: MqttClient): void {
    this.isStandby = false;
    this.mqttClient = client;
    this.start((error?: unknown) => error && this.listening(error));
  }

  override bindEvents(client: MqttClient): void {
    this.channel = new RequestChannel(client, this.link, {
      requested: (delivery) => void this.intake.take(delivery).catch((error) => this.handleError(error)),
      opened: () => {
        this.onReady();
        this.listening();
      },
      failed: (error) => {
        this.handleError(error);
        this.listening(error);
      },
    });
  }

  private listening(error?: unknown): void {
    this.onListening(error);
    this.onListening = () => {};
  }

  /** The link tells of its connection itself, once and not at each attempt. */
  override registerErrorListener(): void {}
  override registerReconnectListener(): void {}

  protected override handleError(error: unknown): void {
    this.logger.error(error);
  }

  /** Hands an event to the broker: QoS 1, not retained, in the order of the calls and before the reply. */
  publishEvent({ topic, payload, expiresAt }: DeviceEvent): void {
    this.replies.publishEvent(this.channel, { payload, ...this.link.event(topic, expiresAt) });
  }

  /** Takes no new work, answers what is in work, then disconnects. Nest waits for it on every way to stop. */
  override async close(): Promise<void> {
    this.isStopping = true;
    const { channel, link } = this;
    if (channel) {
      if (link.keepsRequests) this.intake.leaveToBroker();
      else await channel.unsubscribe();
      if (!channel.isOpen) channel.close();
      // Until what is in work is done, and has left, and is acknowledged.
      await withDeadline(
        this.intake.idle().then(() => channel.flushed()),
        DRAIN_MS,
      );
      channel.close();
      await endClient(channel.client);
    }
    await link.close();
  }

  private execute(delivery: Delivery, request: Envelope): Promise<void> {
    const context = new DeviceHiveContext(delivery, request);
    const cameAt = performance.now();
    return this.inOrder(context, async () => {
      // The broker has it again for whoever leads by now.
      if (delivery.channel.isClosed) return;
      // Behind a row that stays locked all give up at the same time, not one after the other.
      const isLate = performance.now() - cameAt > this.limits.deadlineMs;
      if (isLate) this.replies.refuse(delivery, { error: rowLocked(), request });
      else await this.answer(delivery, context);
    });
  }

  /**
   * A guard may take longer for one request than for the next, so where order counts it is kept from here on:
   * requests of one client with the same value in the field that the handler names run one after the other.
   */
  private inOrder({ origin, request }: DeviceHiveContext, work: () => Promise<void>): Promise<void> {
    const field = (this.messageHandlers.get(request.action)?.extras as ActionExtras | undefined)?.inOrderOf;
    const value = field && request.body[field];
    if (typeof value !== 'number' && typeof value !== 'string') return work();
    return this.lanes.run(laneOf(origin.connectionId ?? origin.clientId, value), work);
  }

  private async answer(delivery: Delivery, context: DeviceHiveContext): Promise<void> {
    const { request } = context;
    const handler = this.messageHandlers.get(request.action);
    if (!handler) return this.replies.refuse(delivery, { error: unknownAction(request.action), request });
    try {
      const data = await this.call(handler, context);
      if (data !== undefined && !isJsonObject(data)) {
        throw new TypeError(`The handler of ${request.action} must return an object or nothing`);
      }
      this.replies.answer(delivery, request, successReply(request, data));
    } catch (error) {
      if (error instanceof Superseded) return;
      // The filter has logged its own. What is no ActionError tells the client nothing.
      const known = error instanceof ActionError ? error : internalError();
      if (known !== error) this.handleError(error);
      this.replies.answer(delivery, request, errorReply(request, known));
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
}
