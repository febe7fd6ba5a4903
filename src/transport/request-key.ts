import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { DeviceHiveContext } from './devicehive.context.js';

/** What a client names a request by: its repeats carry the same. */
export interface RequestKey {
  clientId: string;
  /** the JSON text of the client's `requestId` */
  requestId: string;
}

/** Parameter decorator: the `RequestKey` of the request; `undefined` where the client gave it no `requestId`. */
export const SentAs = createParamDecorator((_: unknown, host: ExecutionContext): RequestKey | undefined => {
  const { origin, request } = host.switchToRpc().getContext<DeviceHiveContext>();
  const requestId = request.requestId?.text;
  if (requestId === undefined || requestId === 'null') return undefined;
  return { clientId: origin.clientId, requestId };
});
