import { setTimeout as delay } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { ReadOnlyDatabase } from './read-only-database.js';

const RETRY_MS = 250;
const REMIND_MS = 10_000;

/** Of the network, and of a name that is not known yet, as that of a container before its start. */
const UNREACHABLE = [
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
];
/** PostgreSQL starts, stops, or has no connection left. */
const NOT_NOW = ['57P01', '57P02', '57P03', '53300'];

/**
 * Connects as soon as PostgreSQL is there: whoever starts both at the same time need not know which is first.
 * @param where what the log calls it; no password
 * @param signal ends the wait
 * @throws at once what waiting does not mend, e.g. a wrong password
 */
export async function whenReachable<T>(
  where: string,
  connect: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  let remindAt = 0;
  for (;;) {
    try {
      return await connect();
    } catch (error) {
      if (!isPassing(error)) throw error;
      if (performance.now() >= remindAt) {
        new Logger('Database').warn(`Waiting for PostgreSQL at ${where}: ${reasonOf(error)}`);
        remindAt = performance.now() + REMIND_MS;
      }
      await delay(RETRY_MS, undefined, { signal });
    }
  }
}

function isPassing(error: unknown): boolean {
  if (error instanceof ReadOnlyDatabase) return true;
  const { code, message } = error as Error & { code?: string };
  if (code) return [...UNREACHABLE, ...NOT_NOW].includes(code);
  // pg gives no code to a connection that it gave up on, or that ended while it was made.
  return /timeout|terminated/i.test(message);
}

/** One that tried several addresses says nothing itself. */
function reasonOf(error: unknown): string {
  if (error instanceof ReadOnlyDatabase) return 'it takes no writes';
  const { message, code } = error as Error & { code?: string };
  return message || code || String(error);
}
