import type { CommandFields } from './device-command.js';

/** The command actions' part of the configuration. */
export abstract class CommandOptions {
  /** what `command/update` may change: all six fields, or fewer */
  abstract updateFields: readonly (keyof CommandFields)[];
  /** how long a repeated request is recognised, in seconds; 0 turns it off */
  abstract replaySeconds: number;
}
