import { type Command } from 'commander';
import { printJsonLine, printLine } from '../output.js';
import {
  ask,
  type GlobalOptions,
  logIn,
  several,
  type TokenPair,
  wholeNumber,
  withClient,
} from '../session.js';

interface CreateOptions extends GlobalOptions {
  user: number;
  action?: string[];
  network?: string[];
  deviceType?: string[];
  expires?: string;
}

/** `token` for a login and a password, `token create` for a token within one's own rights. */
export function addTokenCommands(program: Command): void {
  const token = program
    .command('token')
    .description('print an access token for --login and --password')
    .action(async (_: object, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      const { login, password } = options;
      if (!login || !password) {
        command.error(
          'error: a token needs --login and --password, or DEVICEHIVE_LOGIN and DEVICEHIVE_PASSWORD',
        );
      }
      print(await withClient(options, (client) => logIn(client, login, password)), options);
    });
  token
    .command('create')
    .description("print an access token with some of one's own rights")
    .requiredOption('--user <id>', 'whose', wholeNumber)
    .option('--action <name>', 'a permission, like GetDeviceCommand, or * (several times)', several)
    .option('--network <id>', 'or * (several times)', several)
    .option('--device-type <id>', 'or * (several times; without it all)', several)
    .option('--expires <time>', 'like 2030-01-31T12:00:00')
    .action(async (_: object, command: Command) => {
      const options = command.optsWithGlobals<CreateOptions>();
      const payload = {
        userId: options.user,
        actions: options.action,
        networkIds: options.network,
        deviceTypeIds: options.deviceType,
        expiration: options.expires,
      };
      print(
        await withClient(options, (client) => ask<TokenPair>(client, 'token/create', { payload })),
        options,
      );
    });
}

function print(tokens: TokenPair, { json }: GlobalOptions): void {
  if (json) printJsonLine(tokens);
  else printLine(tokens.accessToken);
}
