import { Logger } from '@nestjs/common';
import { isJsonObject } from '../protocol/json-object.js';
import { shown } from '../protocol/shown.js';
import { type EventKind, levelsOf, matchesFilter } from '../protocol/topics.js';
import type { AccessToken } from './access-token.js';
import { codeOf, ConnectionLost, failure } from './client-error.js';
import type { JsonCodec } from './client-options.js';
import type { Connection } from './connection.js';
import type { EventSelection } from './device-events.js';
import { filtersOf } from './event-filters.js';
import { parseMessage, startOf } from './request-text.js';
import type { Requests } from './requests.js';
import { Session } from './session.js';

/** Who watches. */
export interface EventStream {
  next(event: unknown): void;
  error(error: unknown): void;
  /** all its filters are granted: the first time, and after each reconnect */
  live?(): void;
}

/** Streams of events: one connection and one subscription for all who watch the same. */
export class EventStreams {
  private readonly logger = new Logger('DeviceHiveClient');
  private readonly streams = new Map<EventStream, string[]>();
  /** the filters that are granted, or on their way there, on the connection of now */
  private readonly granted = new Map<string, Promise<void>>();
  private readonly session?: Session;

  constructor(
    private readonly connection: Connection,
    private readonly json: JsonCodec,
    requests: Requests,
    tokens: AccessToken | undefined,
  ) {
    if (tokens) this.session = new Session(connection, requests, tokens, (error) => this.fail(error));
    connection.mqtt.on('connect', () => {
      for (const stream of this.streams.keys()) void this.bring(stream);
    });
    connection.mqtt.on('close', () => this.granted.clear());
  }

  /**
   * @returns what ends it
   * @throws {RpcException} 400 for a selection that no broker takes
   */
  watch(kind: EventKind, selection: EventSelection, stream: EventStream): () => void {
    this.streams.set(stream, filtersOf(kind, selection));
    this.connection.start();
    if (this.connection.isOpen) void this.bring(stream);
    return () => this.end(stream);
  }

  /** A message that is no reply. */
  take(topic: string, payload: Buffer): void {
    const levels = levelsOf(topic);
    const watching = [...this.streams].filter(([, filters]) =>
      filters.some((filter) => matchesFilter(levelsOf(filter), levels)),
    );
    if (watching.length === 0) return;
    const { command, notification } = parseMessage(this.json, payload);
    const event = command ?? notification;
    if (!isJsonObject(event))
      return this.logger.warn(`A message that is no event: ${shown(startOf(payload))}`);
    for (const [stream] of watching) if (this.streams.has(stream)) stream.next(event);
  }

  /** Ends them all. */
  fail(error: unknown): void {
    for (const stream of this.streams.keys()) {
      this.end(stream);
      stream.error(error);
    }
  }

  private end(stream: EventStream): void {
    const filters = this.streams.get(stream) ?? [];
    this.streams.delete(stream);
    for (const filter of filters) {
      if (this.isWatched(filter) || !this.granted.delete(filter)) continue;
      this.connection.unsubscribe(filter);
    }
  }

  private isWatched(filter: string): boolean {
    return [...this.streams.values()].some((filters) => filters.includes(filter));
  }

  private async bring(stream: EventStream): Promise<void> {
    try {
      await Promise.all((this.streams.get(stream) ?? []).map((filter) => this.grant(filter)));
      if (this.streams.has(stream)) stream.live?.();
    } catch (error) {
      // The next connection brings it.
      if (error instanceof ConnectionLost || !this.streams.has(stream)) return;
      this.end(stream);
      stream.error(error);
    }
  }

  private grant(filter: string): Promise<void> {
    let granted = this.granted.get(filter);
    if (!granted) {
      granted = this.subscribe(filter);
      this.granted.set(filter, granted);
    }
    return granted;
  }

  /** Only the built-in broker wants a session, and says so by a refusal. */
  private async subscribe(filter: string): Promise<void> {
    const { session } = this;
    const hasSession = session?.isNeeded;
    if (hasSession) await this.openSession(session, filter);
    try {
      return await this.subscribeWatched(filter);
    } catch (error) {
      if (codeOf(error) !== 403 || !session || hasSession) throw error;
    }
    await this.openSession(session, filter);
    session.isNeeded = true;
    await this.subscribeWatched(filter);
  }

  private async subscribeWatched(filter: string): Promise<void> {
    // A broker may mix up the end of a subscription with the next one to the same.
    await this.connection.unsubscribed(filter);
    if (this.isWatched(filter)) await this.connection.subscribe(filter);
  }

  private async openSession(session: Session, filter: string): Promise<void> {
    try {
      await session.open();
    } catch (error) {
      if (codeOf(error) !== 501) throw error;
      throw failure(403, `The broker refuses the subscription to ${filter}`, error);
    }
  }
}
