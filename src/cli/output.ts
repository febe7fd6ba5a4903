import { styleText } from 'node:util';
import type { DeviceCommand, DeviceNotification } from '../client/index.js';
import { harmless, plain } from '../protocol/shown.js';

type Style = Parameters<typeof styleText>[0];

/** Colours on a terminal only, and not with NO_COLOR (no-color.org). */
export function paint(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return stream.isTTY && !process.env.NO_COLOR ? styleText(style, text, { validateStream: false }) : text;
}

/** One line, for a script to read; on a terminal it does nothing either. */
export function printJsonLine(value: unknown): void {
  process.stdout.write(`${harmless(JSON.stringify(value))}\n`);
}

/** One line, for people. What others may have written into it does nothing to the terminal. */
export function printLine(...parts: string[]): void {
  process.stdout.write(`${parts.filter((part) => part !== '').join('  ')}\n`);
}

export function warn(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** A command or notification in one line. */
export function summary(item: DeviceCommand | DeviceNotification): string {
  const { timestamp, id, deviceId, parameters } = item;
  const isCommand = 'command' in item;
  const name = isCommand ? (item.command ?? 'null') : item.notification;
  const { status = null, result = null } = isCommand ? item : {};
  const told = (what: string, value: unknown) =>
    value === null ? '' : `${paint('dim', `${what}=`)}${plain(JSON.stringify(value))}`;
  return [
    paint('dim', isCommand ? item.lastUpdated : timestamp),
    paint('yellow', String(id)),
    plain(deviceId),
    paint('bold', plain(name)),
    told('parameters', parameters),
    status === null ? '' : `${paint('dim', 'status=')}${paint('cyan', plain(status))}`,
    told('result', result),
  ]
    .filter((part) => part !== '')
    .join('  ');
}
