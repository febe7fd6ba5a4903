import { inspect } from 'node:util';
import { RpcException } from '@nestjs/microservices';

/** What brokers answer from here on is a refusal: in a SUBACK, and as reason code of MQTT 5. */
export const REFUSED = 0x80;

/** What `getError()` of the client's exceptions gives. */
export interface DeviceHiveFailure {
  /** DeviceHive's code (HTTP family); the client's own are 400, 401, 403, 413, 499, 503 and 504 */
  code: number;
  message: string;
}

/** @returns an exception whose `getError()` is `{ code, message }` */
export function failure(code: number, message: string, cause?: unknown): RpcException {
  const exception = new RpcException({ code, message } satisfies DeviceHiveFailure);
  return cause === undefined ? exception : Object.assign(exception, { cause });
}

/** The code of a failure; `undefined` for any other error. */
export function codeOf(error: unknown): number | undefined {
  if (!(error instanceof RpcException)) return undefined;
  return (error.getError() as Partial<DeviceHiveFailure>).code;
}

/** The end of a connection, where what was asked is asked again on the next one. */
export class ConnectionLost extends Error {
  constructor() {
    super('The connection is lost');
    this.name = 'ConnectionLost';
  }
}

/** The text of an error, whatever was thrown; connection errors of Node may carry nothing but a code. */
export function textOf(error: unknown): string {
  const { message, code } = (error ?? {}) as { message?: unknown; code?: unknown };
  if (typeof message === 'string' && message !== '') return message;
  if (typeof code === 'string' || typeof code === 'number') return String(code);
  return typeof error === 'string' ? error : inspect(error);
}
