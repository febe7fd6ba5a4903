import { Injectable } from '@nestjs/common';
import { Queries } from '../../database/queries.js';
import { answered } from '../../database/database-error.js';
import { SharedReading } from './shared-reading.js';

/** All who ask share one reading. */
const ANYBODY = { userId: undefined };
const NOW = { name: 'now', text: 'SELECT clock_timestamp() AS now' };

/**
 * The clock that commands and notifications are stamped with: clients take `serverTimestamp` for the start of what
 * they ask for next. Anybody may ask, so all who do at once share one connection of the pool.
 */
@Injectable()
export class DatabaseClock {
  private readonly reading = new SharedReading(() => this.read());

  constructor(private readonly queries: Queries) {}

  /** @throws {ActionError} 503 while the database is away */
  now(): Promise<Date> {
    return this.reading.next();
  }

  private async read(): Promise<Date> {
    const rows = await answered(this.queries.run<{ now: Date }>('lookup', ANYBODY, NOW, []));
    return rows[0]!.now;
  }
}
