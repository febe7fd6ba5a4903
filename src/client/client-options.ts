import type { ClientProxy } from '@nestjs/microservices';
import type { IClientOptions } from 'mqtt';

/**
 * Gives an access token; called again before the last one expires, and after a 401.
 * @param client for a supplier that logs in: `token` and `token/refresh` are sent without a token
 */
export type TokenSupplier = (client: ClientProxy) => string | Promise<string>;

/** How payloads become texts and back; `JSON` unless told. */
export interface JsonCodec {
  parse(text: string): unknown;
  stringify(value: unknown): string;
}

/** What `DeviceHiveClient` decides itself. */
type Decided = 'resubscribe' | 'manualConnect' | 'reconnectOnConnackError' | 'outgoingStore' | 'will';

/** Options of `DeviceHiveClient`: its own, and beside them those of MQTT.js (TLS, keep-alive, ...). */
export interface DeviceHiveClientOptions extends Omit<IClientOptions, Decided> {
  /** `mqtt://host:1883`, or `mqtts://`, `ws://`, `wss://` */
  url: string;
  /**
   * An access token, or what gives one. It goes with every request, beside `action`. Not needed on the built-in
   * broker with `username` and `password`, which are a DeviceHive login there.
   */
  token?: string | TokenSupplier;
  /**
   * `nest-<random>` unless told; 1 to 128 characters without `/`, `+`, `#`. A broker that makes client ids of user
   * names (Mosquitto with our files) needs the user name here.
   */
  clientId?: string;
  /** 4 (MQTT 3.1.1) unless told; 5 where the broker speaks it, which the built-in one does not */
  protocolVersion?: IClientOptions['protocolVersion'];
  /**
   * milliseconds a request may take, with the wait for a connection; 30,000 unless told. 24 days (2^31 - 1 ms) at most,
   * which is what `Infinity` stands for.
   */
  timeout?: number;
  /** bytes of a request; the service's `MAX_REQUEST_BYTES`, 1 MB unless told */
  maxRequestBytes?: number;
  /**
   * Another `JSON`, for example one with big integers: `JSON.parse` rounds numbers from 2^53 on, as they may be in
   * `parameters` and `result`, and `JSON.stringify` takes no `bigint`.
   */
  json?: JsonCodec;
}

/** Timers take no more: they would end at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * @returns milliseconds, as `timeout` has them, as timers take them
 * @throws {TypeError} for what is no time
 */
export function timerOf(timeout: number): number {
  if (typeof timeout === 'number' && timeout > 0) return Math.min(timeout, MAX_TIMER_MS);
  throw new TypeError('timeout: a number of milliseconds above 0');
}
