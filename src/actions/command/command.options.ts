import type { CommandFields } from './device-command.js';

/** What `command/update` may change: all six fields, or fewer. */
export abstract class CommandOptions {
  abstract updateFields: readonly (keyof CommandFields)[];
}
