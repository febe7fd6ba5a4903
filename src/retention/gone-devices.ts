import { Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Deletion } from './deletion.js';
import { RepeatedTask } from './repeated-task.js';
import { OF_GONE_DEVICES } from './retention.statement.js';

/** Also after a crash: what is left of a device is found by its row, which goes last. */
const FIRST_MS = 10_000;
const EVERY_MS = 60_000;

/** Deletes what is left of devices that were deleted: their commands, their notifications, and then their rows. */
@Injectable()
export class GoneDevices implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('Retention');
  private readonly task = new RepeatedTask(
    'Retention',
    'What is left of deleted devices is not deleted, the next attempt is in a minute',
    () => this.deleteRows(),
  );

  constructor(private readonly deletion: Deletion) {}

  onApplicationBootstrap(): void {
    this.task.start(FIRST_MS, EVERY_MS);
  }

  onModuleDestroy(): void {
    this.task.stop();
  }

  /**
   * Deletes all that is left now, unless another replica leads or the service stops.
   * @returns the commands and notifications that were deleted
   */
  run(): Promise<number> {
    return this.task.run();
  }

  private async deleteRows(): Promise<number> {
    const rows = await this.deletion.delete(OF_GONE_DEVICES);
    const devices = await this.deletion.forgetDevices();
    if (rows > 0) this.logger.log(`Deleted ${rows} commands and notifications of deleted devices`);
    if (devices > 0) this.logger.debug(`${devices} deleted devices have no rows any more`);
    return rows;
  }
}
