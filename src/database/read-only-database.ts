import { Unavailable } from '../protocol/action-error.js';

/** PostgreSQL answers, and takes no writes: a standby, or `default_transaction_read_only`. To clients it is away. */
export class ReadOnlyDatabase extends Unavailable {
  constructor() {
    super('Database is unavailable, try again', false, { cause: new Error('PostgreSQL takes no writes') });
  }
}
