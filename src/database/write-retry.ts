import { setTimeout as delay } from 'node:timers/promises';
import { rowLocked } from '../protocol/action-error.js';
import { isToBeRetried } from './database-error.js';

/** Before the next attempt: doubled each time, and up to twice as long so that two do not meet again. */
const RETRY_MS = { first: 1, longest: 64 };

/**
 * Runs a statement again that was rolled back only because of what others did at the same time: a dead-lock, a
 * serialization failure.
 * @throws {ActionError} 503 where others were in the way until the deadline; other failures as they are
 */
export async function retryWrite<T>(statement: () => Promise<T>, deadlineMs: number): Promise<T> {
  const deadline = performance.now() + deadlineMs;
  for (let pause = RETRY_MS.first; ; pause = Math.min(pause * 2, RETRY_MS.longest)) {
    try {
      return await statement();
    } catch (error) {
      if (!isToBeRetried(error)) throw error;
      if (performance.now() + pause > deadline) throw rowLocked(error);
    }
    await delay(pause * (1 + Math.random()));
  }
}
