import { type ArgumentsHost, Catch, Injectable, type RpcExceptionFilter } from '@nestjs/common';
import { type Observable, throwError } from 'rxjs';
// oxlint-disable-next-line no-restricted-imports -- a statement of an extension fails as those of our own actions do
import { failedStatement } from '../database/database-error.js';
import { RefusalLog } from '../logging/refusal-log.js';
import { ActionError, internalError, Superseded, Unavailable } from '../protocol/action-error.js';
import { type DeviceHiveContext, isHeld } from './devicehive.context.js';
import { refusalLine } from './intake/refusal-line.js';

/** Clients cause a 501 and a 503, too: the wrong broker, too many logins, a row that stays locked. */
const isOfClient = (error: ActionError): boolean =>
  error.code < 500 || error.code === 501 || (error.code === 503 && !(error instanceof Unavailable));

/**
 * Turns whatever a guard, pipe or handler throws into the one error reply, with one line in the log.
 * An unexpected error is answered 500 without its text and logged with its stack, or that of its cause.
 */
@Catch()
@Injectable()
export class ActionExceptionFilter implements RpcExceptionFilter {
  constructor(private readonly refusals: RefusalLog) {}

  catch(thrown: unknown, host: ArgumentsHost): Observable<never> {
    const exception = failedStatement(thrown);
    const context = host.switchToRpc().getContext<DeviceHiveContext>();
    if (exception instanceof Superseded || context.isTimedOut) return throwError(() => exception);
    const isUnexplained = exception instanceof Unavailable && exception.isUnexplained;
    if (isUnexplained) context.unexplained++;
    // It is not refused, but tried again.
    if (isHeld(exception, context)) return throwError(() => exception);
    const { origin, request } = context;
    const error = exception instanceof ActionError && !isUnexplained ? exception : internalError();
    const line = () => refusalLine(origin, error, request);
    const reason = error === exception ? error.cause : ((exception as Partial<Error>)?.cause ?? exception);
    if (isOfClient(error)) this.refusals.refused(origin.clientId, line);
    else this.refusals.failed(origin.clientId, line, reason);
    return throwError(() => error);
  }
}
