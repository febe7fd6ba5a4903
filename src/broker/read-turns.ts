/** One packet costs 1, and 1 more for each of these bytes: a large one takes longer to decode. */
const BYTES_PER_COST = 2_048;
/** And 1 more for each of these filters, to which it subscribes or from which it unsubscribes. */
const FILTERS_PER_COST = 4;
/**
 * Cost of the packets that are handled in one turn of the event loop, of one connection and of all. One takes 20 to 80 us, so
 * a burst of 65,535 in one write would otherwise block everybody for 4 s.
 */
const COST_OF_ONE = 64;
const COST_OF_ALL = 256;
const COST_OF_COPY = 1 / 8;

/** A connection that takes its turn. */
export interface TurnTaker {
  /** reads on; called in a later turn than the one in which there was nothing left to take */
  readOn(): void;
  /** called if `readOn` throws */
  giveUp(reason: string): void;
}

/** The share of one connection in a turn of the event loop. */
export interface Share {
  turn: number;
  left: number;
}

/** Divides each turn of the event loop among the connections that have packets to be handled. */
export class ReadTurns {
  private turn = 0;
  private left = COST_OF_ALL;
  private isScheduled = false;
  /** connections that have used their share; they come after those that got nothing */
  private served = new Set<TurnTaker>();
  private starved = new Set<TurnTaker>();

  /** @returns a share for `mayTake` and `take`; it belongs to one connection */
  share(): Share {
    return { turn: this.turn, left: COST_OF_ONE };
  }

  /** @returns whether one more packet may be handled in this turn */
  mayTake(share: Share): boolean {
    if (share.turn !== this.turn) {
      share.turn = this.turn;
      share.left = COST_OF_ONE;
    }
    return share.left > 0 && this.left > 0;
  }

  /**
   * @param bytes size of a packet that is handled in this turn
   * @param filters how many it has
   */
  take(share: Share, bytes: number, filters: number): void {
    const cost = 1 + Math.floor(bytes / BYTES_PER_COST) + Math.floor(filters / FILTERS_PER_COST);
    share.left -= cost;
    this.left -= cost;
    this.scheduleNext();
  }

  /** A message that is handled in this turn is copied to one more client. */
  takeCopy(): void {
    this.left -= COST_OF_COPY;
    this.scheduleNext();
  }

  /** Has the connection read on in the next turn. */
  wait(taker: TurnTaker, share: Share): void {
    (share.left > 0 ? this.starved : this.served).add(taker);
    this.scheduleNext();
  }

  private scheduleNext(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    setImmediate(() => this.begin());
  }

  private begin(): void {
    this.isScheduled = false;
    this.turn++;
    this.left = COST_OF_ALL;
    if (this.starved.size + this.served.size === 0) return;
    const waiting = [...this.starved, ...this.served];
    this.starved = new Set();
    this.served = new Set();
    for (const taker of waiting) {
      try {
        taker.readOn();
      } catch (error) {
        // The others still get their turn.
        taker.giveUp(`cannot be read: ${(error as Error).message}`);
      }
    }
  }
}
