import { joinDevice, VISIBLE_DEVICE } from '../../directory/access-scope.js';
import { COMMAND_COLUMNS } from './device-command.js';

/** $1..$5 are the device and the scope, $6 is the command. */
export const FIND = {
  name: 'command_find',
  text: `
  WITH d AS (${VISIBLE_DEVICE})
  SELECT ${COMMAND_COLUMNS} FROM device_command c JOIN d ON c.device = d.id WHERE c.id = $6`,
};

/** $1 is the command; who asks has been let in before. */
export const FIND_AGAIN = {
  name: 'command_find_again',
  text: `
  SELECT ${COMMAND_COLUMNS} FROM device_command c ${joinDevice('c.device')} WHERE c.id = $1`,
};
