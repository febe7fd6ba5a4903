/**
 * Waits for a turn, or until whoever waits gives up.
 * @param begin gets what ends the waiting, and returns what takes the waiting back
 * @throws the signal's reason once it aborts
 */
export function waitUnlessAborted(
  signal: AbortSignal | undefined,
  begin: (done: () => void) => () => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const giveUp = () => {
      takeBack();
      reject(signal!.reason);
    };
    signal?.addEventListener('abort', giveUp);
    const takeBack = begin(() => {
      signal?.removeEventListener('abort', giveUp);
      resolve();
    });
  });
}
