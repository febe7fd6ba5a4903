import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Queries } from '../../database/queries.js';
import { ReplayWindow } from '../../transport/replay-window.js';

const EVERY_MS = 60_000;
/** A repeat that comes just before the end of the window still finds what it repeats. */
const SPARE_SECONDS = 60;
/** Rows that one statement deletes at most. */
const ROWS = 10_000;

/** $1 are seconds. What others hold is passed over: it is in use, or being deleted by a replica. */
const FORGET = {
  text: `
  WITH gone AS (
    DELETE FROM recent_insert WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM recent_insert WHERE at < clock_timestamp() - make_interval(secs => $1)
       LIMIT ${ROWS} FOR UPDATE SKIP LOCKED)) RETURNING request)
  SELECT count(*)::int AS count FROM gone`,
};

/** Takes turns with the users. */
const ITSELF = { userId: 'forget inserts' };

/** Forgets the inserts, of all actions, whose repeats are not recognised any more. Replicas may do it at the same time. */
@Injectable()
export class ForgetInserts implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('Commands');
  private timer?: NodeJS.Timeout;
  private isStopping = false;

  constructor(
    private readonly queries: Queries,
    private readonly window: ReplayWindow,
  ) {}

  onApplicationBootstrap(): void {
    this.plan();
  }

  onModuleDestroy(): void {
    this.isStopping = true;
    clearTimeout(this.timer);
  }

  /** In statements of some rows each, so that none is long. It does not fail: what is left is for the next time. */
  async run(): Promise<void> {
    const seconds = this.window.seconds + SPARE_SECONDS;
    try {
      let count = ROWS;
      while (count === ROWS && !this.isStopping) {
        const [row] = await this.queries.runUntilFree<{ count: number }>(ITSELF, FORGET, [seconds]);
        count = row!.count;
      }
    } catch (error) {
      if (!this.isStopping) this.logger.warn(`Old inserts are not forgotten: ${error}`);
    }
  }

  private plan(): void {
    this.timer = setTimeout(() => {
      void this.run().then(() => this.isStopping || this.plan());
    }, EVERY_MS);
  }
}
