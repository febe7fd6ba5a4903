import { QueryFailedError } from 'typeorm';
import { ActionError, rowLocked } from '../protocol/action-error.js';

const LOCK_NOT_AVAILABLE = '55P03';
/** PostgreSQL's own codes; anything else is of the socket. */
const SQLSTATE = /^[0-9A-Z]{5}$/;
/** Connection exceptions and shutdowns. */
const CUT_OFF = /^(08|57P)/;
const UNAVAILABLE = 'Database is unavailable, try again';

/** For a statement that changes something: it was sent, and its commit may or may not have happened. */
export const OUTCOME_UNKNOWN = 'Outcome unknown, it may have been applied';

/**
 * The result of a statement.
 * @param ifCutOff what to say where the connection broke after the statement was sent
 * @throws {ActionError} 503 where the database did not answer; other failures as they are
 */
export async function answered<T>(statement: Promise<T>, ifCutOff = UNAVAILABLE): Promise<T> {
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
export function databaseError(error: unknown, ifCutOff = UNAVAILABLE): unknown {
  const unavailable = (text: string) => new ActionError(503, text, { cause: error });
  if (!(error instanceof QueryFailedError)) return unavailable(UNAVAILABLE);
  const { code = '' } = error.driverError as Error & { code?: string };
  if (code === LOCK_NOT_AVAILABLE) return rowLocked(error);
  if (!SQLSTATE.test(code) || CUT_OFF.test(code)) return unavailable(ifCutOff);
  return error;
}
