import type { ActionError } from '../../protocol/action-error.js';
import type { Answered } from '../../protocol/envelope.js';
import { plain, shown } from '../../protocol/shown.js';
import type { RequestOrigin } from '../link/client-identity.js';

/** The one line of the log for a refused request, by which it can be found from its reply. */
export function refusalLine(origin: RequestOrigin, error: ActionError, request?: Answered): string {
  const action = request?.action ? shown(request.action) : 'a request';
  const requestId = request?.requestId && plain(request.requestId.text.replace(/\s+/g, ' ').slice(0, 128));
  return `${action}: ${error.code} ${shown(error.message)} (client ${shown(origin.clientId)}, request ${requestId ?? 'without id'})`;
}
