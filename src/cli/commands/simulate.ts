import { type Command, InvalidArgumentError } from 'commander';
import { merge, Subject } from 'rxjs';
import { plain } from '../../protocol/shown.js';
import { interrupted } from '../interrupted.js';
import { paint, printJsonLine, printLine, warn } from '../output.js';
import { type GlobalOptions, positiveNumber, wholeNumber, withClient } from '../session.js';
import { type Report, Simulation, type SimulationOptions } from '../simulation.js';

/** The built-in broker lets a connection have 1,000 filters, and a few are for replies. */
const MAX_DEVICES = 900;
const COLOURS = { done: 'green', failed: 'yellow', refused: 'red' } as const;

interface SimulateOptions extends GlobalOptions, SimulationOptions {
  count?: number;
}

/** `simulate`: devices that act on their commands. */
export function addSimulateCommand(program: Command): void {
  program
    .command('simulate')
    .description('be devices that receive commands and report their results, until it is interrupted')
    .option('--devices <n>', `how many, ${MAX_DEVICES} at most; they are created`, deviceCount, 3)
    .option('--prefix <text>', 'of their ids, which end in -1, -2, ...', 'simulated')
    .option('--network <id>', 'where they are created (default: as the service chooses)', wholeNumber)
    .option('--device-type <id>', 'likewise', wholeNumber)
    .option('--delay <seconds>', 'from a command to its report', positiveNumber, 1)
    .option('--failure-rate <rate>', '0 to 1: how many fail', rate, 0)
    .option('--count <n>', 'end after so many reports', wholeNumber)
    .action(async (_: object, command: Command) => {
      const options = command.optsWithGlobals<SimulateOptions>();
      await simulate({ ...options, delay: options.delay * 1_000 });
    });
}

async function simulate(options: SimulateOptions): Promise<void> {
  const { count = Infinity, json, devices } = options;
  await withClient(options, async (client) => {
    const simulation = new Simulation(client, options);
    const isShowing = process.stderr.isTTY && !json;
    const enough = new Subject<void>();
    let reports = 0;
    await simulation.save();
    client.on('offline', () => warn('the connection is lost, trying again'));
    const live = () =>
      warn(`${devices} devices hear: ${simulation.deviceIds[0]} to ${simulation.deviceIds.at(-1)}`);
    await simulation.run(merge(interrupted(), enough), live, (report) => {
      if (isShowing) process.stderr.write('\r\x1b[2K');
      print(report, json);
      if (isShowing) process.stderr.write(progressLine(simulation));
      if (++reports >= count) enough.next();
    });
    if (isShowing) process.stderr.write('\n');
    else if (!json) warn(progressLine(simulation));
  });
}

function print(report: Report, json?: boolean): void {
  if (json) return printJsonLine(report);
  const { deviceId, commandId, status, error = '' } = report;
  printLine(deviceId, paint('yellow', String(commandId)), paint(COLOURS[status], status), plain(error));
}

function progressLine({ progress }: Simulation): string {
  const { received, done, failed, refused } = progress;
  const waiting = received - done - failed - refused;
  return `${received} received, ${done} done, ${failed} failed, ${refused} refused, ${waiting} to do`;
}

function deviceCount(text: string): number {
  const count = wholeNumber(text);
  if (count < 1 || count > MAX_DEVICES) throw new InvalidArgumentError(`It is 1 to ${MAX_DEVICES}.`);
  return count;
}

function rate(text: string): number {
  const number = Number(text);
  if (!(number >= 0 && number <= 1) || text.trim() === '') throw new InvalidArgumentError('It is 0 to 1.');
  return number;
}
