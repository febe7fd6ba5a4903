import { type Command } from 'commander';
import type { DeviceCommand } from '../../client/index.js';
import { printJsonLine, printLine, summary } from '../output.js';
import { ask, type GlobalOptions, jsonObject, several, wholeNumber, withClient } from '../session.js';

interface Fields {
  name?: string;
  parameters?: object;
  lifetime?: number;
  status?: string;
  result?: object;
}

interface ListOptions {
  name?: string[];
  status?: string;
  start?: string;
  end?: string;
  take?: number;
  skip?: number;
}

type Reply = { command: DeviceCommand };

/** `insert`, `update`, `get` and `list` of device commands. */
export function addDeviceCommandCommands(program: Command): void {
  addFields(program.command('insert <device> <name>'))
    .description('insert a command for a device, and print its id')
    .action(async (deviceId: string, name: string, _: object, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & Fields>();
      const data = { deviceId, command: { ...fieldsOf(options), command: name } };
      const reply = await withClient(options, (client) => ask<Reply>(client, 'command/insert', data));
      if (options.json) printJsonLine(reply.command);
      else printLine(String(reply.command.id));
    });

  addFields(program.command('update').argument('<device>').argument('<id>', '', wholeNumber))
    .option('--name <name>', "the command's name")
    .description('change fields of a command; the others stay')
    .action(async (deviceId: string, commandId: number, _: object, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & Fields>();
      const fields = { ...fieldsOf(options), command: options.name };
      if (Object.values(fields).every((value) => value === undefined)) {
        command.error(
          'error: nothing to change: give --status, --result, --parameters, --lifetime or --name',
        );
      }
      const data = { deviceId, commandId, command: fields };
      await withClient(options, (client) => ask(client, 'command/update', data));
      if (options.json) printJsonLine({ deviceId, commandId });
    });

  program
    .command('get')
    .argument('<device>')
    .argument('<id>', '', wholeNumber)
    .description('print a command')
    .action(async (deviceId: string, commandId: number, _: object, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const data = { deviceId, commandId };
      print(
        (await withClient(options, (client) => ask<Reply>(client, 'command/get', data))).command,
        options,
      );
    });

  program
    .command('list <device>')
    .description("print a device's commands, the oldest first")
    .option('--name <name>', 'only of this name (several times)', several)
    .option('--status <status>', 'only with this status')
    .option('--start <time>', 'from then on, like 2030-01-31T12:00:00')
    .option('--end <time>', 'until then')
    .option('--take <n>', 'at most so many', wholeNumber)
    .option('--skip <n>', 'without the first', wholeNumber)
    .action(async (deviceId: string, _: object, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & ListOptions>();
      const { name: names, status, start, end, take, skip } = options;
      const data = { deviceId, names, status, start, end, take, skip };
      const reply = await withClient(options, (client) =>
        ask<{ commands: DeviceCommand[] }>(client, 'command/list', data),
      );
      for (const item of reply.commands) print(item, options);
    });
}

function addFields(command: Command): Command {
  return command
    .option('--parameters <json>', 'a JSON object', jsonObject)
    .option('--status <status>', 'any text')
    .option('--result <json>', 'a JSON object', jsonObject)
    .option('--lifetime <seconds>', 'after which it is of no use to a device', wholeNumber);
}

const fieldsOf = ({ parameters, lifetime, status, result }: Fields) => ({
  parameters,
  lifetime,
  status,
  result,
});

function print(item: DeviceCommand, { json }: GlobalOptions): void {
  if (json) printJsonLine(item);
  else printLine(summary(item));
}
