import { QueryFailedError } from 'typeorm';
import { describe, expect, it } from 'vitest';
import { answered, databaseError, isRefused, OUTCOME_UNKNOWN } from './database-error.js';

const failed = (code?: string) =>
  new QueryFailedError(
    'UPDATE secret_table',
    ['secret value'],
    Object.assign(new Error('Connection terminated unexpectedly'), { code }),
  );
const notConnected = (code: string) => Object.assign(new Error('details'), { code });

describe('databaseError', () => {
  it.each([
    ['a lock that is not available', failed('55P03'), 'The row is locked by somebody else, try again'],
    ['a lost connection', failed('08006'), 'Outcome unknown, it may have been applied'],
    ['a shutdown', failed('57P01'), 'Outcome unknown, it may have been applied'],
    ['a crash', failed('57P02'), 'Outcome unknown, it may have been applied'],
    ['a connection that ended', failed(), 'Outcome unknown, it may have been applied'],
    ['a reset of the connection', failed('ECONNRESET'), 'Outcome unknown, it may have been applied'],
    ['a broken pipe', failed('EPIPE'), 'Outcome unknown, it may have been applied'],
    ['a closed stream', failed('ERR_STREAM_DESTROYED'), 'Outcome unknown, it may have been applied'],
    ['no connection at all', notConnected('ECONNREFUSED'), 'Database is unavailable, try again'],
    ['a host that is not found', notConnected('EAI_AGAIN'), 'Database is unavailable, try again'],
    ['a server that starts', notConnected('57P03'), 'Database is unavailable, try again'],
    [
      'no place in the pool',
      new Error('timeout exceeded when trying to connect'),
      'Database is unavailable, try again',
    ],
  ])('answers 503 for %s', (_, cause, message) => {
    const error = databaseError(cause, OUTCOME_UNKNOWN);
    expect(error).toMatchObject({ code: 503, message, cause });
    expect(error).not.toMatchObject({ isUnexplained: true });
  });

  it.each([
    ['the statement', new QueryFailedError('', [], new TypeError('Cannot read properties of undefined'))],
    ['a parameter', failed('ERR_OUT_OF_RANGE')],
    ['a call', new TypeError('Cannot read properties of undefined')],
    ['a statement that PostgreSQL cancelled', failed('57014')],
    ['more temporary space than PostgreSQL gives', failed('53400')],
    ['more memory than there is', failed('53200')],
  ])('does not take it for granted that the database is away where it fails because of %s', (_, cause) => {
    expect(databaseError(cause, OUTCOME_UNKNOWN)).toMatchObject({ isUnexplained: true, cause });
    expect(isRefused(databaseError(cause))).toBe(true);
  });

  it.each([
    ['its disk is full', failed('53100')],
    ['it takes no more connections', failed('53300')],
  ])('takes the database for away where %s', (_, cause) => {
    expect(databaseError(cause, OUTCOME_UNKNOWN)).toMatchObject({
      message: 'Database is unavailable, try again',
      isOutcomeUnknown: false,
      isUnexplained: false,
    });
  });

  it('says of a read that broke off only that it can be tried again', () => {
    expect(databaseError(failed('ECONNRESET'))).toMatchObject({
      message: 'Database is unavailable, try again',
    });
  });

  it.each(['23505', '22P02', '42601'])('leaves the failure %s as it is', (code) => {
    const error = failed(code);
    expect(databaseError(error)).toBe(error);
  });
});

describe('answered', () => {
  it('gives the result, or throws what a client may know', async () => {
    await expect(answered(Promise.resolve(7))).resolves.toBe(7);
    await expect(answered(Promise.reject(failed('08006')))).rejects.toMatchObject({ code: 503 });
    const error = failed('23505');
    await expect(answered(Promise.reject(error))).rejects.toBe(error);
  });
});
