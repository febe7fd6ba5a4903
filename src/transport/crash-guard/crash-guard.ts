import { createHash, randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { Lanes } from '../lanes.js';
import type { Delivery } from '../link/request-channel.js';
import { nextRecord, RunFile, type RunRecord } from './run-record.js';

/** Unclean stops in a row, the later ones within a minute of the start, after which requests run one at a time. */
const LOOP_STOPS = 2;
/**
 * A request that was alone at work at so many unclean stops is not executed any more. Once may be chance: whoever
 * kills the process again and again hits some request. The second time is the fourth stop in a row.
 */
const FATAL_DEATHS = 2;
/** A process that has served for so long is in no loop. */
const STABLE_MS = 60_000;
const TURN = 'turn';
const nothing = (): void => {};

/**
 * Ends the loop in which a request crashes the process, comes again because nobody has acknowledged it, and crashes
 * the next one. After two crashes requests run one at a time, each noted in a file meanwhile, and one that two more
 * crashes find there is refused. Otherwise a file is written at the start, a minute later and at the end.
 */
export class CrashGuard {
  private readonly logger = new Logger('Requests');
  private readonly runId = randomUUID();
  private readonly file: RunFile;
  private readonly turns = new Lanes();
  /** while this process serves and the file can be written */
  private record?: RunRecord;
  private readonly fatal = new Set<string>();
  private minute?: NodeJS.Timeout;
  private isCareful = false;
  private calm?: Promise<void>;
  private onCalm = nothing;
  private changedAt = -Infinity;
  private isTold = false;

  /**
   * @param path of the file: one for each session at the broker, whoever serves it
   * @param redeliversFirst what comes again has DUP set and comes before what is new; else anything may have come before
   */
  constructor(
    path: string,
    private readonly redeliversFirst: boolean,
  ) {
    this.file = new RunFile(path);
  }

  /** Since when requests run side by side, by `performance.now()`; `Infinity` while they do not. */
  get sideBySideSince(): number {
    return this.isCareful ? Infinity : this.changedAt;
  }

  /** From now on this process serves. Until it leaves, further calls change nothing. */
  begin(): void {
    if (this.record) return;
    const record = nextRecord(this.lastRecord(), this.runId);
    this.save(record);
    if (!this.record) return;
    this.minute = setTimeout(() => this.calmDown(), STABLE_MS).unref();
    for (const [fingerprint, deaths] of Object.entries(record.deaths)) {
      if (deaths >= FATAL_DEATHS) this.fatal.add(fingerprint);
    }
    this.isCareful = record.uncleanStops >= LOOP_STOPS;
    if (!this.isCareful) return;
    this.calm = new Promise((resolve) => (this.onCalm = resolve));
    this.logger.warn(`${record.uncleanStops} unclean stops in a row: requests run one at a time`);
  }

  /** From now on another process may serve, and the file is for that one. */
  leave(): void {
    clearTimeout(this.minute);
    this.record = undefined;
    this.fatal.clear();
    this.runSideBySide();
  }

  /** A clean stop: the next start has nothing to be careful about. */
  end(): void {
    if (this.record) this.tryTo(() => this.file.remove());
    this.leave();
  }

  /** Whether a request has crashed the process before, so that it is not to be executed. */
  refuses(delivery: Delivery): boolean {
    return this.fatal.size > 0 && this.fatal.has(fingerprintOf(delivery));
  }

  /** Does a request's work: at once, or after crashes when it is its turn. */
  run<T>(delivery: Delivery, work: () => Promise<T>): Promise<T> {
    return this.isCareful ? this.runInTurn(delivery, work) : work();
  }

  private async runInTurn<T>(delivery: Delivery, work: () => Promise<T>): Promise<T> {
    let result: Promise<T>;
    await this.turns.run(TURN, async () => {
      if (this.redeliversFirst && isNew(delivery)) this.runSideBySide();
      if (this.isCareful) this.note(fingerprintOf(delivery));
      result = work();
      // Otherwise the next one's turn is now.
      if (this.isCareful) await Promise.race([result.then(nothing, nothing), this.calm]);
      if (this.isCareful) this.note(undefined);
    });
    return result!;
  }

  private note(alone: string | undefined): void {
    if (this.record) this.save({ ...this.record, alone });
  }

  private calmDown(): void {
    this.fatal.clear();
    this.save({ run: this.runId, uncleanStops: 0, deaths: {} });
    this.runSideBySide();
  }

  private runSideBySide(): void {
    if (!this.isCareful) return;
    this.isCareful = false;
    this.changedAt = performance.now();
    this.onCalm();
    this.logger.log('Requests run side by side again');
  }

  /** Where there is one that cannot be read, its being there tells of an unclean stop. */
  private lastRecord(): RunRecord | undefined {
    try {
      return this.file.read();
    } catch (error) {
      this.tell(error);
      return { run: '', uncleanStops: 0, deaths: {} };
    }
  }

  /** Without the file there is no guard, and an old one would accuse whoever it names. */
  private save(record: RunRecord): void {
    if (this.tryTo(() => this.file.write(record))) {
      this.record = record;
      return;
    }
    try {
      this.file.remove();
    } catch {
      // Told already.
    }
    this.leave();
  }

  private tryTo(action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      this.tell(error);
      return false;
    }
  }

  private tell(error: unknown): void {
    if (this.isTold) return;
    this.isTold = true;
    this.logger.warn(
      `A request that crashes the service may do so again and again: ${this.file.path}: ${(error as Error).message}`,
    );
  }
}

/** The topic says no more than the client id, and on the built-in broker changes with the connection. */
function fingerprintOf({ origin, packet }: Delivery): string {
  const { clientId } = origin;
  return createHash('sha256').update(`${clientId}\0`).update(packet.payload).digest('hex').slice(0, 32);
}

function isNew({ packet }: Delivery): boolean {
  return packet.qos > 0 && !packet.dup;
}
