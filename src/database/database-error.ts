import { QueryFailedError } from 'typeorm';
import { databaseAway, rowLocked, Unavailable } from '../protocol/action-error.js';

const LOCK_NOT_AVAILABLE = '55P03';
/** PostgreSQL's own codes; anything else is of the socket. */
const SQLSTATE = /^[0-9A-Z]{5}$/;
/** Connection exceptions and shutdowns. */
const CUT_OFF = /^(08|57P)/;
/** Insufficient resources: too many connections, disk full, out of memory. Nothing was applied. */
const EXHAUSTED = /^53/;
/** Serialization failure and dead-lock: the same statement is right at another time. */
const RETRY = ['40001', '40P01'];

/** For a statement that changes something: it was sent, and its commit may or may not have happened. */
export const OUTCOME_UNKNOWN = 'Outcome unknown, it may have been applied';

/**
 * The result of a statement.
 * @param ifCutOff what to say where the connection broke after the statement was sent
 * @throws {ActionError} 503 where the database did not answer; other failures as they are
 */
export async function answered<T>(statement: Promise<T>, ifCutOff?: string): Promise<T> {
  try {
    return await statement;
  } catch (error) {
    throw databaseError(error, ifCutOff);
  }
}

/**
 * What a client may know of a failed statement; everything else stays as it is and is answered 500.
 * @returns 503 where trying again helps, with the failure as its cause
 */
export function databaseError(error: unknown, ifCutOff?: string): unknown {
  if (!(error instanceof QueryFailedError)) return databaseAway(error);
  const code = codeOf(error);
  if (code === LOCK_NOT_AVAILABLE) return rowLocked(error);
  if (EXHAUSTED.test(code)) return databaseAway(error);
  if (SQLSTATE.test(code) && !CUT_OFF.test(code)) return error;
  return ifCutOff === undefined ? databaseAway(error) : new Unavailable(ifCutOff, true, { cause: error });
}

/** Whether a statement was rolled back only because of what others did at the same time. */
export function isToBeRetried(error: unknown): boolean {
  return RETRY.includes(codeOf(error));
}

/** Whether PostgreSQL refused the statement: part of it, without what is wrong, may go through. */
export function isRefused(error: unknown): boolean {
  const code = codeOf(error);
  return SQLSTATE.test(code) && !CUT_OFF.test(code) && code !== LOCK_NOT_AVAILABLE;
}

/** PostgreSQL's code, or the socket's; empty for what is neither. */
function codeOf(error: unknown): string {
  if (!(error instanceof QueryFailedError)) return '';
  return (error.driverError as Error & { code?: string }).code ?? '';
}
