import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Deletion } from './deletion.js';
import { RepeatedTask } from './repeated-task.js';
import { RetentionOptions } from './retention.options.js';
import { type KeptTable, olderThan } from './retention.statement.js';

const FIRST_MS = 60_000;
const EVERY_MS = 3_600_000;

/** Deletes commands and notifications that are too old. */
@Injectable()
export class Retention implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('Retention');
  private readonly task = new RepeatedTask(
    'Retention',
    'Old rows are not deleted, the next attempt is in an hour',
    () => this.deleteOld(),
  );

  constructor(
    private readonly deletion: Deletion,
    private readonly options: RetentionOptions,
  ) {}

  onApplicationBootstrap(): void {
    if (this.options.days !== undefined) this.task.start(FIRST_MS, EVERY_MS);
  }

  onModuleDestroy(): void {
    this.task.stop();
  }

  /**
   * Deletes all that is too old now, unless another replica leads or the service stops.
   * @returns the rows that were deleted
   */
  run(): Promise<number> {
    return this.task.run();
  }

  private async deleteOld(): Promise<number> {
    const { days } = this.options;
    if (days === undefined) return 0;
    return this.deletion.delete(olderThan(days), (rows: number, table: KeptTable) =>
      this.logger.log(`Deleted ${rows} rows of ${table} that are older than ${days} days`),
    );
  }
}
