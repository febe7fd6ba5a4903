import { QueryFailedError } from 'typeorm';
import { NoTurn } from './gate.js';
import { actionErrorIn, databaseAway, rowLocked, Unavailable } from '../protocol/action-error.js';

const LOCK_NOT_AVAILABLE = '55P03';
/** PostgreSQL's own codes; those of the system begin with E, like `EPIPE`. */
const SQLSTATE = /^(?!E)[0-9A-Z]{5}$/;
/** Node's codes for what is wrong with a call and not with its connection. */
const MISUSE = /^ERR_(?!STREAM_|SOCKET_|SSL_|TLS_)/;
/** What pg and its pool say without a code of a connection that is gone, or does not come. */
const LOST =
  /connection terminated|not queryable|timeout|after calling end|SSL connection|^SASL|from backend|not connected/i;
/** Connection exceptions and shutdowns. */
const CUT_OFF = /^(08|57P)/;
/** Insufficient resources: too many connections, disk full. Nothing was applied. */
const EXHAUSTED = /^53/;
/**
 * Cancelled, by `statement_timeout` or by hand; out of memory; beyond `temp_file_limit`. Nothing was applied; it may
 * have been too much, or its time was bad.
 */
const GIVEN_UP = ['57014', '53200', '53400'];
/** The end of a sequence: the counter in `examined-rows.ts`, if a list was the statement. */
const ALL_EXAMINED = '2200H';
/** Serialization failure and dead-lock: the same statement is right at another time. */
const RETRY = ['40001', '40P01'];

const READ_ONLY = '25006';
/** The session's transactions are read-only; it does not know a prepared statement; it has another under this name. */
const OF_SESSION = [READ_ONLY, '26000', '42P05'];

/** For a statement that changes something: it was sent, and its commit may or may not have happened. */
export const OUTCOME_UNKNOWN = 'Outcome unknown, it may have been applied';

/** TypeORM finds no connection for a statement, and throws this instead of its own error. */
export class NoSession extends Error {
  /** @param driverError what the pool says, under the name that TypeORM's errors have for it */
  constructor(readonly driverError: Error) {
    super(driverError.message, { cause: driverError });
    this.name = 'NoSession';
  }
}

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
  const known = actionErrorIn(error);
  if (known) return known;
  const isUnexplained = !isOfConnection(error);
  if (!(error instanceof QueryFailedError)) return databaseAway(error, isUnexplained);
  const code = codeOf(error);
  if (isLocked(error)) return rowLocked(error);
  if (GIVEN_UP.includes(code)) return databaseAway(error, true);
  if (EXHAUSTED.test(code)) return databaseAway(error);
  if (SQLSTATE.test(code) && !CUT_OFF.test(code)) return error;
  if (ifCutOff === undefined) return databaseAway(error, isUnexplained);
  return new Unavailable(ifCutOff, true, { cause: error, isUnexplained });
}

/**
 * Maps what a handler has thrown to what a client may know of it. A failed statement is one of an extension:
 * nothing tells what this one, or those that the handler ran before, have changed, so that the outcome is unknown.
 */
export function failedStatement(thrown: unknown): unknown {
  if (!(thrown instanceof QueryFailedError || thrown instanceof NoSession)) return thrown;
  const error = databaseError(thrown, OUTCOME_UNKNOWN);
  if (!(error instanceof Unavailable) || error.isOutcomeUnknown) return error;
  return new Unavailable(OUTCOME_UNKNOWN, true, { cause: thrown, isUnexplained: error.isUnexplained });
}

/**
 * Whether a statement failed, and so changed nothing, only because of the session it ran in: on a fresh one it is right.
 * 0A000 stands for much that is not supported; its texts are translated, and only the routine tells a plan whose result
 * has other columns by now.
 */
export function isOfSession(error: unknown): boolean {
  const { code = '', routine } = causeOf(error) as { code?: string; routine?: string };
  return OF_SESSION.includes(code) || (code === '0A000' && routine === 'RevalidateCachedQuery');
}

/** Whether PostgreSQL has ended the session; its connection may be open for another moment. */
export function isEndOfSession(error: unknown): boolean {
  return causeOf(error).code?.startsWith('57P') ?? false;
}

export function isReadOnly(error: unknown): boolean {
  return causeOf(error).code === READ_ONLY;
}

/** Whether a statement has waited for somebody else's lock for as long as it may. */
export function isLocked(error: unknown): boolean {
  return codeOf(error) === LOCK_NOT_AVAILABLE;
}

/** Whether a statement was rolled back only because of what others did at the same time. */
export function isToBeRetried(error: unknown): boolean {
  return RETRY.includes(codeOf(error));
}

/** Whether a statement may have been too much: cancelled, without room for it, or not begun behind others for too long. */
export function isGivenUp(error: unknown): boolean {
  return error instanceof NoTurn || GIVEN_UP.includes(codeOf(error));
}

/** Whether a list examined as many rows as it may on the embedded database. */
export function hasExaminedAll(error: unknown): boolean {
  return codeOf(error) === ALL_EXAMINED;
}

/** Whether PostgreSQL, or the driver, refused the statement: part of it, without what is wrong, may go through. */
export function isRefused(error: unknown): boolean {
  if (error instanceof Unavailable) return error.isUnexplained;
  const code = codeOf(error);
  return SQLSTATE.test(code) && !CUT_OFF.test(code) && code !== LOCK_NOT_AVAILABLE;
}

/** Whether a failure without PostgreSQL's answer is of the connection: lost, or not to be had. */
function isOfConnection(error: unknown): boolean {
  const { code, message } = causeOf(error);
  return code ? !MISUSE.test(code) : LOST.test(message);
}

/** PostgreSQL's code, or the socket's; empty for what is neither. */
function codeOf(error: unknown): string {
  return error instanceof QueryFailedError ? (causeOf(error).code ?? '') : '';
}

function causeOf(error: unknown): Error & { code?: string } {
  const isOfTypeorm = error instanceof QueryFailedError || error instanceof NoSession;
  return (isOfTypeorm ? error.driverError : error) as Error & { code?: string };
}
