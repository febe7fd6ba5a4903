import type { LoggerService } from '@nestjs/common';
import { destination, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

/** Nest's own words about its start; `main` says what a user needs. */
const FRAMEWORK = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestMicroservice',
  'NestApplication',
  'ExceptionHandler',
  'TypeOrmModule',
]);

/** An error of TypeORM carries the statement's parameters, which are the clients' data. */
function withoutData(error: Error & { code?: unknown }): object {
  const { name, message, code, cause } = error;
  const stack = cause instanceof Error ? `${error.stack}\ncaused by: ${cause.stack}` : error.stack;
  return { type: name, message, code, stack };
}

/**
 * Nest's logger on pino: one JSON line each, or readable ones where standard output is a terminal.
 * Synchronous, so that the last words before an exit arrive.
 */
export class PinoLogger implements LoggerService {
  private readonly pino: Logger;

  /** @param level one of pino's: `fatal`, `error`, `warn`, `info`, `debug`, `trace`, `silent` */
  constructor(level: string) {
    const options = { level, base: undefined, serializers: { error: withoutData } };
    this.pino = process.stdout.isTTY
      ? pino(options, pretty({ sync: true, ignore: 'context', messageFormat: '{context}: {msg}' }))
      : pino(options, destination({ sync: true }));
  }

  log = (message: unknown, ...rest: unknown[]): void => this.write('info', message, rest);
  error = (message: unknown, ...rest: unknown[]): void => this.write('error', message, rest);
  warn = (message: unknown, ...rest: unknown[]): void => this.write('warn', message, rest);
  debug = (message: unknown, ...rest: unknown[]): void => this.write('debug', message, rest);
  verbose = (message: unknown, ...rest: unknown[]): void => this.write('trace', message, rest);
  fatal = (message: unknown, ...rest: unknown[]): void => this.write('fatal', message, rest);

  /** Nest appends the context as the last argument; an error may be the message or follow it. */
  private write(
    level: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace',
    message: unknown,
    rest: unknown[],
  ) {
    const last = rest.at(-1);
    const context = typeof last === 'string' ? last : undefined;
    if (context && FRAMEWORK.has(context)) level = 'debug';
    const error = [message, ...rest].find((part) => part instanceof Error);
    const text = message instanceof Error ? message.message : message;
    this.pino[level]({ context, error }, typeof text === 'string' ? text : JSON.stringify(text));
  }
}
