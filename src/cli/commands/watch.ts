import { type Command, Option } from 'commander';
import { lastValueFrom, map, merge, take, takeUntil, tap } from 'rxjs';
import type { DeviceEvents, EventSelection } from '../../client/index.js';
import { paint, printJsonLine, printLine, summary, warn } from '../output.js';
import { interrupted } from '../interrupted.js';
import { type GlobalOptions, several, severalNumbers, wholeNumber, withClient } from '../session.js';

type Action = keyof DeviceEvents;

interface WatchOptions extends GlobalOptions {
  device?: string;
  network?: number[];
  name?: string[];
  only?: 'inserts' | 'updates' | 'notifications';
  count?: number;
}

const KINDS = {
  inserts: 'command/insert',
  updates: 'command/update',
  notifications: 'notification/insert',
} as const;

const TAGS = {
  'command/insert': ['green', '+ command'],
  'command/update': ['cyan', '~ command'],
  'notification/insert': ['magenta', '! notification'],
} as const;

/** `watch`: events as they come, one line each. */
export function addWatchCommand(program: Command): void {
  program
    .command('watch')
    .description('print commands, their updates and notifications as they come, until it is interrupted')
    .option('--device <id>', 'only of this device')
    .option('--network <id>', 'only of this network (several times)', severalNumbers)
    .option('--name <name>', 'only of this name (several times)', several)
    .addOption(new Option('--only <kind>', 'of the three').choices(Object.keys(KINDS)))
    .option('--count <n>', 'end after so many', wholeNumber)
    .action(async (_: object, command: Command) => {
      const options = command.optsWithGlobals<WatchOptions>();
      await watch(options);
    });
}

async function watch(options: WatchOptions): Promise<void> {
  const { device: deviceId, network: networkIds, name: names, only, count = Infinity, json } = options;
  const selection: EventSelection = { deviceId, networkIds, names };
  const actions: Action[] = only ? [KINDS[only]] : Object.values(KINDS);
  await withClient(options, async (client) => {
    let live = 0;
    const isLive = () => {
      if (++live % actions.length === 0) warn(live === actions.length ? 'watching' : 'watching again');
    };
    client.on('offline', () => warn('the connection is lost, trying again'));
    const events = actions.map((action) =>
      client.events(action, selection, isLive).pipe(map((event) => ({ action, event }))),
    );
    const printed = merge(...events).pipe(
      take(count),
      takeUntil(interrupted()),
      tap(({ action, event }) => {
        const [colour, tag] = TAGS[action];
        if (json) printJsonLine({ action, ...event });
        else printLine(paint(colour, tag.padEnd(14)), summary(event));
      }),
    );
    await lastValueFrom(printed, { defaultValue: undefined });
  });
}
