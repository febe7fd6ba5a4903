import type { ActionError } from '../protocol/action-error.js';
import type { Answered } from '../protocol/envelope.js';
import { shown } from '../protocol/shown.js';
import type { RequestOrigin } from './client-identity.js';

/** The one line of the log for a refused request, by which it can be found from its reply. */
export function refusalLine(origin: RequestOrigin, error: ActionError, request?: Answered): string {
  const action = request?.action ? shown(request.action) : 'a request';
  const requestId = request?.requestId ? `, request ${shown(request.requestId.text)}` : '';
  return `${action}: ${error.code} ${shown(error.message)} (client ${shown(origin.clientId)}${requestId})`;
}
