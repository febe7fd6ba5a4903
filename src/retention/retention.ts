import { Injectable } from '@nestjs/common';
import { Deletion } from './deletion.js';
import { RepeatedTask } from './repeated-task.js';
import { RetentionOptions } from './retention.options.js';
import { olderThan } from './retention.statement.js';

/** Deletes commands and notifications that are too old. */
@Injectable()
export class Retention extends RepeatedTask {
  constructor(
    private readonly deletion: Deletion,
    private readonly options: RetentionOptions,
  ) {
    super({ first: 60_000, every: 3_600_000 }, 'Old rows are not deleted, the next attempt is in an hour');
  }

  override onApplicationBootstrap(): void {
    if (this.options.days !== undefined) super.onApplicationBootstrap();
  }

  protected async work(): Promise<number> {
    const { days } = this.options;
    if (days === undefined) return 0;
    return this.deletion.delete(olderThan(days), (rows, table) =>
      this.logger.log(`Deleted ${rows} rows of ${table} that are older than ${days} days`),
    );
  }
}
