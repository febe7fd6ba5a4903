import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { type MessageHandler, type MqttOptions, ServerMqtt } from '@nestjs/microservices';
import type { MqttClient } from 'mqtt';
import { RefusalLog } from '../logging/refusal-log.js';
import type { DeviceEvent } from '../protocol/device-event.js';
import { CrashGuard } from './crash-guard/crash-guard.js';
import { type ActionExtras, DEVICEHIVE, type DeviceHiveContext, isAction } from './devicehive.context.js';
import { callHandler } from './handler-call.js';
import { Execution } from './intake/execution.js';
import { BrokerLink } from './link/broker-link.js';
import { DRAIN_MS, endClient, ENDED_MS, withDeadline } from './link/drain.js';
import { RequestChannel } from './link/request-channel.js';
import { Replies } from './intake/replies.js';
import { RequestIntake } from './intake/request-intake.js';
import { TransportOptions } from './transport.options.js';

/**
 * DeviceHive's request/response convention as a Nest transport: requests arrive on one topic and name their
 * handler by `action`; each gets exactly one reply.
 *
 * ```ts
 * app.connectMicroservice({ strategy: app.get(DeviceHiveServer) });
 * await app.startAllMicroservices();
 * await app.listen(3000);
 * ```
 *
 * It serves when both have happened: the application is initialised, which `listen` does, and the microservices are
 * started. Whichever comes second waits for it, and fails where a port is taken or `DATA_DIR` is in use. Leave out
 * `inheritAppConfig`: the application's global pipes, guards and filters would change what clients are answered.
 */
@Injectable()
export class DeviceHiveServer extends ServerMqtt implements OnApplicationBootstrap {
  override readonly transportId: symbol = DEVICEHIVE;
  protected override readonly logger = new Logger(DeviceHiveServer.name);
  private readonly intake: RequestIntake;
  private readonly execution: Execution;
  private readonly guard: CrashGuard;
  private readonly replies: Replies;
  private channel?: RequestChannel;
  /** whether the application has started its microservices */
  isStarted = false;
  private isInitialised = false;
  private isStandby = false;
  private isStopping = false;
  private readonly noStartHook = this.onProcessingStartHook;
  private onListening: (error?: unknown) => void = () => {};
  private onReady: () => void = () => {};
  /** Resolves when the service is ready for the first time, as the active replica or as a standby. */
  readonly whenReady = new Promise<void>((resolve) => (this.onReady = resolve));

  constructor(
    private readonly link: BrokerLink,
    private readonly limits: TransportOptions,
    refusals: RefusalLog,
  ) {
    super({} as Required<MqttOptions>['options']);
    this.replies = new Replies(refusals);
    const handlers = {
      of: (action: string) => this.messageHandlers.get(action),
      call: (handler: MessageHandler, context: DeviceHiveContext) => this.call(handler, context),
      failed: (error: unknown) => this.handleError(error),
    };
    this.guard = new CrashGuard(limits.runFile, link.redeliversFirst);
    this.execution = new Execution(handlers, this.replies, this.guard, limits.deadlineMs);
    this.intake = new RequestIntake(limits, this.replies, (...taken) => this.execution.execute(...taken));
  }

  /** Where clients connect, `mqtt://...`; on the built-in broker `undefined` until they are let in. */
  get brokerUrl(): string | undefined {
    return this.link.url;
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
    if (!isAction(extras)) return;
    const { ownActions, actionTimeoutMs } = this.limits;
    const { timeoutMs = actionTimeoutMs } = extras as ActionExtras;
    if (!Number.isSafeInteger(timeoutMs) || timeoutMs < 0) {
      throw new TypeError(`timeoutMs of ${action} must be a whole number of milliseconds, or 0 for no limit`);
    }
    super.addHandler(action, handler, isEvent, ownActions.has(action) ? extras : { ...extras, timeoutMs });
  }

  /**
   * Settles once the request path works from end to end, not already when the connection stands; at once where
   * the service may start without its broker, and before the application is initialised.
   */
  override async listen(callback: (error?: unknown) => void): Promise<void> {
    this.isStarted = true;
    if (this.isInitialised) this.open(callback);
    else callback();
  }

  async onApplicationBootstrap(): Promise<void> {
    this.isInitialised = true;
    if (!this.isStarted) return;
    await new Promise<void>((resolve, reject) =>
      this.open((error) => (error ? reject(error as Error) : resolve())),
    );
  }

  private open(callback: (error?: unknown) => void): void {
    this.onListening = callback;
    const opened = this.link.open({
      opened: (client) => this.use(client),
      standsBy: () => {
        this.isStandby = true;
        this.onReady();
      },
      isServing: () => this.channel?.isOpen ?? false,
      ended: async () => {
        this.channel?.close();
        this.guard.leave();
        await withDeadline(this.intake.idle(), ENDED_MS);
      },
    });
    opened.catch((error) => this.listening(error));
    if (this.link.mayBeAway) this.listening();
  }

  private use(client: MqttClient): void {
    this.isStandby = false;
    this.mqttClient = client;
    this.start((error?: unknown) => error && this.listening(error));
  }

  override bindEvents(client: MqttClient): void {
    this.channel = new RequestChannel(client, this.link, {
      requested: (delivery) => void this.intake.take(delivery).catch((error) => this.handleError(error)),
      opened: () => void this.serve(),
      failed: (error) => {
        this.handleError(error);
        this.listening(error);
      },
    });
  }

  private async serve(): Promise<void> {
    this.guard.begin();
    try {
      await this.link.serve();
      this.onReady();
      this.listening();
    } catch (error) {
      this.listening(error);
    }
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
    this.execution.stop();
    const { channel, link } = this;
    if (channel) {
      if (link.keepsRequests) this.intake.leaveToBroker();
      else await channel.unsubscribe();
      if (!channel.isOpen) channel.close();
      // Until what is in work is done, and has left, and is acknowledged.
      const drained = this.intake.idle().then(() => channel.flushed());
      await withDeadline(drained, DRAIN_MS);
      channel.close();
      await endClient(channel.client);
    }
    this.guard.end();
    await link.close();
  }

  private call(handler: MessageHandler, context: DeviceHiveContext): Promise<unknown> {
    const isHooked =
      this.onProcessingStartHook !== this.noStartHook || this.onProcessingEndHook !== undefined;
    return callHandler(handler, context, isHooked ? this.runWithProcessingHooks.bind(this) : undefined);
  }
}
