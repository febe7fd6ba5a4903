import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { DeviceHiveContext } from './devicehive.context.js';

/** What a client names a request by: its repeats carry the same. */
export interface RequestKey {
  clientId: string;
  /** the JSON text of the client's `requestId` */
  requestId: string;
}

/** @returns `undefined` where the client gave it no `requestId` */
export function requestKeyOf({ origin, request }: DeviceHiveContext): RequestKey | undefined {
  const requestId = request.requestId?.text;
  if (requestId === undefined || requestId === 'null') return undefined;
  return { clientId: origin.clientId, requestId };
}

/** Parameter decorator: the `RequestKey` of the request; `undefined` where the client gave it no `requestId`. */
export const SentAs = createParamDecorator((_: unknown, host: ExecutionContext): RequestKey | undefined =>
  requestKeyOf(host.switchToRpc().getContext()),
);
