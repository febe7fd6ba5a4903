import { Injectable } from '@nestjs/common';
import { Deletion } from './deletion.js';
import { RepeatedTask } from './repeated-task.js';
import { OF_GONE_DEVICES } from './retention.statement.js';

/**
 * Deletes what is left of devices that were deleted: their commands, their notifications, and then their rows. A device's
 * row goes last, so that the next run, or the next process, finds what is left.
 */
@Injectable()
export class GoneDevices extends RepeatedTask {
  constructor(private readonly deletion: Deletion) {
    super(
      { first: 10_000, every: 60_000 },
      'What is left of deleted devices is not deleted, the next attempt is in a minute',
    );
  }

  protected async work(): Promise<number> {
    const rows = await this.deletion.delete(OF_GONE_DEVICES);
    const devices = await this.deletion.forgetDevices();
    if (rows > 0) this.logger.log(`Deleted ${rows} commands and notifications of deleted devices`);
    if (devices > 0) this.logger.debug(`${devices} deleted devices have no rows any more`);
    return rows;
  }
}
