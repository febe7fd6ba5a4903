/** Milliseconds of a clock that never runs backwards: all times of a ledger. */
export const now = (): number => performance.now();

export interface Answer {
  at: number;
  status: string;
  code?: number;
  /** of the command that an insert made */
  commandId?: number;
  /** the whole reply */
  text: string;
}

/** One request under one `requestId`, however often it is sent. */
export interface LedgerRequest {
  clientId: string;
  requestId: number;
  action: 'command/update' | 'command/insert';
  /** the command to update; what an insert made is in its answers */
  commandId?: number;
  /** nobody else writes it: the status, and in an insert the command's name too */
  value: string;
  /** when it was first handed to the client library, which may be before it leaves */
  sentAt: number;
  /** when the broker's PUBACK was here */
  acknowledgedAt?: number;
  answers: Answer[];
}

export interface LedgerEvent {
  watcher: string;
  at: number;
  id: number;
  lastUpdated: string;
  /** the command's name */
  command: string | null;
  status: string | null;
  /** the whole command */
  text: string;
}

/** What clients and watchers saw, for `checkLedger`. */
export class Ledger {
  readonly requests: LedgerRequest[] = [];
  readonly events: LedgerEvent[] = [];
  /** replies that answer no request of their receiver */
  readonly strays: string[] = [];
}
