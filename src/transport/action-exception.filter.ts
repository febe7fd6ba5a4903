import { type ArgumentsHost, Catch, Injectable, Logger, type RpcExceptionFilter } from '@nestjs/common';
import { type Observable, throwError } from 'rxjs';
import { ActionError, internalError } from '../protocol/action-error.js';
import type { DeviceHiveContext } from './devicehive.context.js';

/**
 * Turns whatever a guard, pipe or handler throws into the one error reply, with one line in the log.
 * An unexpected error is answered 500 without its text and logged with its stack.
 */
@Catch()
@Injectable()
export class ActionExceptionFilter implements RpcExceptionFilter {
  private readonly logger = new Logger('Actions');

  catch(exception: unknown, host: ArgumentsHost): Observable<never> {
    const { origin, request } = host.switchToRpc().getContext<DeviceHiveContext>();
    const error = exception instanceof ActionError ? exception : internalError();
    const requestId = request.requestId?.text.slice(0, 128);
    const line = `${request.action} ${error.code} ${error.message} (client ${origin.clientId}, request ${requestId})`;
    if (error.code < 500) this.logger.log(line);
    else this.logger.error(line, exception instanceof Error ? (error.cause ?? exception) : exception);
    return throwError(() => error);
  }
}
