import type { AedesClient } from './aedes-client.js';

/**
 * Passes on what reading and handling a client's packets throws. As an exception it would end the process, and with it the
 * connections of all others.
 */
export function contain(client: AedesClient, onError: (error: unknown) => void): void {
  const { conn, _nextBatch: nextBatch } = client;
  client._nextBatch = (failure) => {
    try {
      nextBatch(failure);
    } catch (error) {
      onError(error);
    }
  };
  conn.off('readable', nextBatch);
  conn.on('readable', client._nextBatch);
}
