import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { DATA_SOURCE } from '../../database/data-source.name.js';
import { answered } from '../../database/database-error.js';
import { SharedReading } from './shared-reading.js';

/**
 * The clock that commands and notifications are stamped with: clients take `serverTimestamp` for the start of what
 * they ask for next. Anybody may ask, so all who do at once share one connection of the pool.
 */
@Injectable()
export class DatabaseClock {
  private readonly reading = new SharedReading(() => this.read());

  constructor(@InjectDataSource(DATA_SOURCE) private readonly dataSource: DataSource) {}

  /** @throws {ActionError} 503 while the database is away */
  now(): Promise<Date> {
    return this.reading.next();
  }

  private async read(): Promise<Date> {
    const rows = await answered<{ now: Date }[]>(this.dataSource.query('SELECT clock_timestamp() AS now'));
    return rows[0]!.now;
  }
}
