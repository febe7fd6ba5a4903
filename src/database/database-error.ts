import { QueryFailedError } from 'typeorm';
import { ActionError } from '../protocol/action-error.js';

const LOCK_NOT_AVAILABLE = '55P03';
/** Connection exceptions and shutdowns: the statement was sent, its commit may or may not have happened. */
const CUT_OFF = /^(08|57P)/;

/**
 * The result of a statement.
 * @throws {ActionError} 503 where the database did not answer; other failures as they are
 */
export async function answered<T>(statement: Promise<T>): Promise<T> {
  try {
    return await statement;
  } catch (error) {
    throw databaseError(error);
  }
}

/**
 * What a client may know of a failed statement; everything else stays as it is and is answered 500.
 * @returns 503 where trying again helps, with the failure as its cause
 */
export function databaseError(error: unknown): unknown {
  const unavailable = (text: string) => new ActionError(503, text, { cause: error });
  if (!(error instanceof QueryFailedError)) return unavailable('Database is unavailable, try again');
  const { code } = error.driverError as Error & { code?: string };
  if (code === LOCK_NOT_AVAILABLE) return unavailable('The row is locked by somebody else, try again');
  if (code === undefined || CUT_OFF.test(code))
    return unavailable('Outcome unknown, it may have been applied');
  return error;
}
