import { setTimeout as delay } from 'node:timers/promises';
import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { DATA_SOURCE } from '../database/data-source.name.js';
import { Queries } from '../database/queries.js';
import { WriteFence } from '../database/write-fence.js';
import { write } from '../database/write-statement.js';
import { RetentionOptions } from './retention.options.js';
import {
  type DeletedRow,
  deleteStatement,
  DEVICES,
  type Doomed,
  forgetStatement,
  KEPT_TABLES,
  type KeptTable,
  type Place,
  placeAfter,
  START,
} from './retention.statement.js';

/** After a statement nothing is deleted for four times as long as it took: on a busy database it holds back by itself. */
const PAUSE_FACTOR = 4;
const LEAST_PAUSE_MS = 20;
/** Takes turns with the users. */
const ITSELF = { userId: 'retention' };

/**
 * Deletes many rows, in statements of at most a thousand. Of several replicas the one that leads does it; in a group
 * each member leads, and they pass over each other's rows. The statement that is with the database when the service stops
 * ends by itself, within the time that its connection is waited for.
 */
@Injectable()
export class Deletion implements OnModuleDestroy {
  private readonly stopping = new AbortController();

  constructor(
    @InjectDataSource(DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly queries: Queries,
    private readonly fence: WriteFence,
    private readonly options: RetentionOptions,
  ) {}

  onModuleDestroy(): void {
    this.stopping.abort();
  }

  get isStopping(): boolean {
    return this.stopping.signal.aborted;
  }

  /**
   * Until nothing is left, or the service stops.
   * @param told learns of each table how many of its rows were deleted, if there were any
   * @returns the rows that were deleted
   * @throws {Superseded} if another replica leads
   */
  async delete(doomed: Doomed, told?: (rows: number, table: KeptTable) => void): Promise<number> {
    let total = 0;
    for (const table of KEPT_TABLES) {
      const rows = await this.clear(table, doomed);
      if (rows > 0) told?.(rows, table);
      total += rows;
    }
    return total;
  }

  /** Deletes devices that are gone and have no rows. */
  async forgetDevices(): Promise<number> {
    let total = 0;
    let deleted = DEVICES;
    while (deleted === DEVICES && !this.isStopping) {
      ({ deleted } = await this.run<{ leads: boolean; deleted: number }>(forgetStatement, []));
      total += deleted;
    }
    return total;
  }

  private async clear(table: KeptTable, doomed: Doomed): Promise<number> {
    let total = 0;
    let place: Place | undefined = START;
    while (place && !this.isStopping) {
      const begin = performance.now();
      const values = [place.device, place.timestamp, ...doomed.values];
      const row: DeletedRow = await this.run((fenced) => deleteStatement(table, doomed, fenced), values);
      total += row.deleted;
      place = placeAfter(row);
      if (place) await this.pause((performance.now() - begin) * PAUSE_FACTOR);
    }
    if (total > 0 && this.options.vacuums && !this.isStopping) await this.dataSource.query(`VACUUM ${table}`);
    return total;
  }

  private run<Row extends { leads: boolean }>(
    text: (fenced: boolean) => string,
    values: unknown[],
  ): Promise<Row> {
    return write<Row>(this.queries, ITSELF, this.fence, (fenced) => ({ text: text(fenced) }), values);
  }

  private async pause(milliseconds: number): Promise<void> {
    const { signal } = this.stopping;
    await delay(Math.max(milliseconds, LEAST_PAUSE_MS), undefined, { signal }).catch(() => undefined);
  }
}
