import type { Client } from 'aedes';

/**
 * The parts of Aedes 1.2.0's client that its types leave out. Each is pinned by `aedes-contract.spec.ts`, so
 * that an upgrade that moves one fails there and not at a customer's.
 */
export interface AedesClient extends Client {
  /** fires when nothing arrived for 1.5 times the keep-alive; `null` where the client asked for none */
  _keepaliveTimer: NodeJS.Timeout | null;
  /** the next message id for packets to the client */
  _nextId: number;
  /** reads and handles packets; called when the connection emits readable, and after each packet with what failed */
  _nextBatch: (failure?: unknown) => void;
}
