#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { addCallCommand } from './commands/call.js';
import { addDeviceCommandCommands } from './commands/device-command.js';
import { addNewActionCommand } from './commands/new-action.js';
import { addSimulateCommand } from './commands/simulate.js';
import { addTokenCommands } from './commands/token.js';
import { addWatchCommand } from './commands/watch.js';
import { EXIT, exitCodeOf } from './exit-codes.js';
import { paint, warn } from './output.js';
import { plain } from '../protocol/shown.js';
import { addGlobalOptions } from './session.js';

const HELP = `
Credentials are best put into the environment, where other users of the machine do not see them.

Exit codes: ${EXIT.ok} done, ${EXIT.refused} refused by the service, ${EXIT.usage} wrong usage, ${EXIT.unreachable} no connection or no reply

Examples:
  $ export DEVICEHIVE_LOGIN=dhadmin DEVICEHIVE_PASSWORD='dhadmin_#911'
  $ devicehive insert e50d6085-2aba-48e9-b1c3-73c673e414be led/on --parameters '{"colour":"green"}'
  $ devicehive list e50d6085-2aba-48e9-b1c3-73c673e414be --take 5
  $ devicehive call device/list '{"take":5}'
  $ devicehive watch --device e50d6085-2aba-48e9-b1c3-73c673e414be
  $ devicehive watch --only updates --json | jq .status
  $ devicehive simulate --devices 10 --delay 0.5 --failure-rate 0.1
  $ export DEVICEHIVE_TOKEN="$(devicehive token)"
`;

function buildProgram(): Command {
  const program = new Command('devicehive')
    .description('Commands of DeviceHive devices, from the command line')
    .exitOverride()
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', HELP);
  addGlobalOptions(program);
  addTokenCommands(program);
  addDeviceCommandCommands(program);
  addCallCommand(program);
  addWatchCommand(program);
  addSimulateCommand(program);
  addNewActionCommand(program);
  return program;
}

// A reader that has enough, as `head`.
process.stdout.on('error', () => process.exit(EXIT.ok));
try {
  await buildProgram().parseAsync();
} catch (error) {
  // Commander has said it already.
  if (!(error instanceof CommanderError))
    warn(`${paint('red', 'error:', process.stderr)} ${plain((error as Error).message)}`);
  process.exitCode = exitCodeOf(error);
}
