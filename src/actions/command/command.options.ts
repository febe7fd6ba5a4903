import type { CommandFields } from './device-command.js';

/** The command actions' part of the configuration. */
export abstract class CommandOptions {
  /** what `command/update` may change: all six fields, or fewer */
  abstract updateFields: readonly (keyof CommandFields)[];
  /** the longest a request waits for a row that somebody else holds, a list for those before it; milliseconds */
  abstract deadlineMs: number;
}
