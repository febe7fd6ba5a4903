import { ActionError } from '../../protocol/action-error.js';

// DeviceHive's texts, which clients compare literally (`Messages` in devicehive-java-server).
export const COMMAND_ID_EMPTY = 'Command id is wrong or empty';
export const COMMAND_REQUIRED = 'Command is required';

export const commandNotFound = (id: number): ActionError =>
  new ActionError(404, `Command with id = ${id} not found`);

/** For a repeat of an insert, whose command somebody has deleted meanwhile. */
export const commandIsGone = (): ActionError =>
  new ActionError(404, 'The command of this request was deleted');

/** Options of the field `commandId`. */
export const COMMAND_ID = {
  required: COMMAND_ID_EMPTY,
  description: 'the `id` in its event and in the reply to `command/insert`',
  example: 7,
};
