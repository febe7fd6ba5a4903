import { type Asker, UserTurns } from '../protocol/turns.js';

/**
 * `batch`: a statement for many requests, which waits for nobody's row. `lookup`: finds a few rows by their keys.
 * `list`: may read much. `locking`: may wait for somebody else's row.
 */
export type Kind = 'batch' | 'lookup' | 'list' | 'locking';

/** The longest that a statement waits for its turn: as long as for a connection. */
const WAIT_MS = 10_000;

/** A list that took less needs no rest. */
const SHORT_LIST_MS = 5;
const REST_MS = 25;

/** A statement's turn has not come in time: all connections were taken, by others or by a database that is away. */
export class NoTurn extends Error {
  constructor() {
    super(`timeout: no connection to the database was free for ${WAIT_MS} ms`);
  }
}

interface Waiting {
  begin(): void;
  isGone: boolean;
}

/** Connections that each kind takes at most. */
interface Ceilings {
  all: number;
  /** all that is no batch */
  others: number;
  locking: number;
  list: number;
}

/**
 * Of a pool of four or more, one connection is left to the service itself, which reads the rights of those who watch,
 * and two to batches. Of two or three, one is left to batches. A single one is for everybody in turn. One that is
 * not for batches is left to lookups, if there are two: a list and a lock may take seconds. Lists take half at most: they
 * take the processors as well, of the database and of this process.
 */
function ceilingsFor(poolSize: number): Ceilings {
  const all = poolSize < 4 ? poolSize : poolSize - 1;
  const others = Math.max(1, poolSize < 4 ? poolSize - 1 : poolSize - 3);
  return { all, others, locking: Math.max(1, others - 1), list: Math.max(1, others >> 1) };
}

/**
 * Stands before the pool, which serves first who comes first: one client's requests would take all connections. Kinds
 * take turns, in each kind users do, and for each user the clients do.
 */
export class Gate {
  private readonly ceilings: Ceilings;
  private readonly running: Record<Kind, number> = { batch: 0, lookup: 0, list: 0, locking: 0 };
  /** places of lists that stay empty for a moment */
  private resting = 0;
  /** when a statement that is no list last asked for its turn */
  private lastOther = -Infinity;
  /** Whose turn is next comes first. */
  private readonly waiting = new Map<Kind, UserTurns<Waiting>>();

  constructor(poolSize: number) {
    this.ceilings = ceilingsFor(poolSize);
  }

  /**
   * Resolves when it is the statement's turn; it must `leave` then.
   * @returns `undefined` where that is at once
   * @throws {NoTurn} where that takes too long
   */
  enter(kind: Kind, asker: Asker): Promise<void> | undefined {
    if (kind !== 'list') this.lastOther = performance.now();
    // Whatever waits has no room: nobody is overtaken.
    if (this.hasRoomFor(kind)) return void this.running[kind]++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        waiting.isGone = true;
        reject(new NoTurn());
      }, WAIT_MS);
      const begin = () => {
        clearTimeout(timer);
        resolve();
      };
      const waiting = { begin, isGone: false };
      this.turnsOf(kind).add(waiting, asker);
    });
  }

  /**
   * Ends a statement's turn. After a list that took long beside others no list takes its place for a while: lists
   * that follow each other at once take all of this process's time, and an update beside them ten times as long.
   * @param since when the turn began, by `performance.now()`
   */
  leave(kind: Kind, since: number): void {
    this.running[kind]--;
    const isBesideOthers = kind === 'list' && this.lastOther > since;
    if (isBesideOthers && performance.now() - since >= SHORT_LIST_MS) this.rest();
    this.beginWaiting();
  }

  private rest(): void {
    this.resting++;
    setTimeout(() => {
      this.resting--;
      this.beginWaiting();
    }, REST_MS);
  }

  private beginWaiting(): void {
    while (this.beginNext());
  }

  private hasRoomFor(kind: Kind): boolean {
    const { batch, lookup, list, locking } = this.running;
    const { all, others } = this.ceilings;
    if (batch + lookup + list + locking >= all) return false;
    if (kind === 'batch') return true;
    if (lookup + list + locking >= others) return false;
    if (kind === 'lookup') return true;
    return this.running[kind] + (kind === 'list' ? this.resting : 0) < this.ceilings[kind];
  }

  private turnsOf(kind: Kind): UserTurns<Waiting> {
    let turns = this.waiting.get(kind);
    if (!turns) this.waiting.set(kind, (turns = new UserTurns()));
    return turns;
  }

  private beginNext(): boolean {
    for (const [kind, turns] of this.waiting) {
      if (!this.hasRoomFor(kind)) continue;
      const next = turns.take();
      this.waiting.delete(kind);
      // To the end, or no more.
      if (turns.next) this.waiting.set(kind, turns);
      if (next && !next.isGone) {
        this.running[kind]++;
        next.begin();
      }
      return true;
    }
    return false;
  }
}
