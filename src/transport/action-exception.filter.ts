import { type ArgumentsHost, Catch, Injectable, Logger, type RpcExceptionFilter } from '@nestjs/common';
import { type Observable, throwError } from 'rxjs';
import { ActionError, internalError, Superseded, Unavailable } from '../protocol/action-error.js';
import { type DeviceHiveContext, isHeld } from './devicehive.context.js';
import { refusalLine } from './intake/refusal-line.js';

/**
 * Turns whatever a guard, pipe or handler throws into the one error reply, with one line in the log.
 * An unexpected error is answered 500 without its text and logged with its stack, or that of its cause.
 */
@Catch()
@Injectable()
export class ActionExceptionFilter implements RpcExceptionFilter {
  private readonly logger = new Logger('Actions');

  catch(exception: unknown, host: ArgumentsHost): Observable<never> {
    if (exception instanceof Superseded) return throwError(() => exception);
    const context = host.switchToRpc().getContext<DeviceHiveContext>();
    const isUnexplained = exception instanceof Unavailable && exception.isUnexplained;
    if (isUnexplained) context.unexplained++;
    // It is not refused, but tried again.
    if (isHeld(exception, context)) return throwError(() => exception);
    const { origin, request } = context;
    const error = exception instanceof ActionError && !isUnexplained ? exception : internalError();
    const line = refusalLine(origin, error, request);
    const reason = error === exception ? error.cause : ((exception as Partial<Error>)?.cause ?? exception);
    if (error.code < 500) this.logger.log(line);
    else if (reason === undefined) this.logger.error(line);
    else this.logger.error(line, reason);
    return throwError(() => error);
  }
}
