import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { DATA_SOURCE } from '../database/data-source.name.js';
import { Queries } from '../database/queries.js';
import { WriteFence } from '../database/write-fence.js';
import { write } from '../database/write-statement.js';
import { Superseded } from '../protocol/action-error.js';
import { RetentionOptions } from './retention.options.js';
import {
  type DeletedRow,
  deleteStatement,
  KEPT_TABLES,
  type KeptTable,
  type Place,
  placeAfter,
  START,
} from './retention.statement.js';

const FIRST_MS = 60_000;
const EVERY_MS = 3_600_000;
/** After a statement nothing is deleted for four times as long as it took: on a busy database it holds back by itself. */
const PAUSE_FACTOR = 4;
const LEAST_PAUSE_MS = 20;
/** Takes turns with the users. */
const ITSELF = { userId: 'retention' };

/**
 * Deletes commands and notifications that are too old, in statements of at most a thousand rows. Of several replicas
 * the one that leads does it; in a group each member leads, and they pass over each other's rows.
 */
@Injectable()
export class Retention implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('Retention');
  private readonly stopping = new AbortController();
  private timer?: NodeJS.Timeout;
  private hasFailed = false;

  constructor(
    @InjectDataSource(DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly queries: Queries,
    private readonly fence: WriteFence,
    private readonly options: RetentionOptions,
  ) {}

  onApplicationBootstrap(): void {
    if (this.options.days !== undefined) this.plan(FIRST_MS);
  }

  /** What is still with the database ends by itself, within the time that its connection is waited for. */
  onModuleDestroy(): void {
    this.stopping.abort();
    clearTimeout(this.timer);
  }

  /**
   * Deletes all that is too old now, unless another replica leads or the service stops. It does not fail: what is left
   * is for the next time.
   * @returns the rows that were deleted
   */
  async run(): Promise<number> {
    const { days } = this.options;
    let deleted = 0;
    if (days === undefined) return deleted;
    try {
      for (const table of KEPT_TABLES) deleted += await this.clear(table, days);
      this.hasFailed = false;
    } catch (error) {
      if (!(error instanceof Superseded)) this.tell(error as Error);
    }
    return deleted;
  }

  private plan(milliseconds: number): void {
    this.timer = setTimeout(() => {
      void this.run().then(() => this.stopping.signal.aborted || this.plan(EVERY_MS));
    }, milliseconds);
  }

  private async clear(table: KeptTable, days: number): Promise<number> {
    const statement = (fenced: boolean) => ({ text: deleteStatement(table, fenced) });
    let total = 0;
    let place: Place | undefined = START;
    while (place && !this.stopping.signal.aborted) {
      const begin = performance.now();
      const values = [place.device, place.timestamp, days];
      const row: DeletedRow = await write<DeletedRow>(this.queries, ITSELF, this.fence, statement, values);
      total += row.deleted;
      place = placeAfter(row);
      if (place) await this.pause((performance.now() - begin) * PAUSE_FACTOR);
    }
    if (total > 0 && this.options.vacuums && !this.stopping.signal.aborted) {
      await this.dataSource.query(`VACUUM ${table}`);
    }
    if (total > 0) this.logger.log(`Deleted ${total} rows of ${table} that are older than ${days} days`);
    return total;
  }

  private async pause(milliseconds: number): Promise<void> {
    const { signal } = this.stopping;
    await delay(Math.max(milliseconds, LEAST_PAUSE_MS), undefined, { signal }).catch(() => undefined);
  }

  /** Once, and not at each run. */
  private tell(error: Error): void {
    if (!this.hasFailed && !this.stopping.signal.aborted) {
      this.logger.error(`Old rows are not deleted, the next attempt is in an hour: ${error.message}`);
    }
    this.hasFailed = true;
  }
}
