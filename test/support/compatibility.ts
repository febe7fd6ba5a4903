import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { TestClient, TestClientOptions } from './client.js';
import type { TestService } from './service.js';
import { type Claims, signToken } from './token.js';

const TESTS = join(import.meta.dirname, '..');

/** All actions of DeviceHive that its MQTT broker passes on. */
export const ORIGINAL_ACTIONS = [
  'authenticate',
  'token',
  'token/create',
  'token/refresh',
  'subscription/list',
  ...actions('command', 'insert update get list subscribe unsubscribe'),
  ...actions('notification', 'insert get list subscribe unsubscribe'),
  ...actions('device', 'save get list count delete'),
  ...actions('network', 'list count get insert update delete'),
  ...actions('devicetype', 'list count get insert update delete'),
  ...actions('user', 'list count get insert update delete getCurrent updateCurrent'),
  ...actions('user', 'getNetwork assignNetwork unassignNetwork getDeviceType getDeviceTypes'),
  ...actions('user', 'assignDeviceType unassignDeviceType allowAllDeviceTypes disallowAllDeviceTypes'),
  ...actions('configuration', 'get put delete'),
  ...actions('server', 'info cacheInfo'),
  ...actions('cluster', 'info'),
];

/** All topics of DeviceHive, as the table of topics calls them. */
export const ORIGINAL_TOPICS = [
  '`dh/request`',
  '`dh/request/<anything>`',
  '`dh/response/<action>@<client id>`',
  '`dh/response/@<client id>`',
  ...['command', 'command_update', 'notification'].map(
    (kind) => `\`dh/${kind}/<network>/<type>/<device>/<name>\``,
  ),
  'topics outside `dh/`',
  '`$SYS/...`',
];

/** A row of a table in `docs/compatibility.md`. */
export interface Row {
  /** the heading above the table */
  table: string;
  /** the first cell as it is written; where that is a code, with the text beside it */
  title: string;
  /** `undefined` where the table has no such column */
  status?: string;
  /** the last cell */
  difference: string;
}

export const ROWS: readonly Row[] = readRows(
  readFileSync(join(TESTS, '../docs/compatibility.md'), 'utf8').split('\n'),
);

/**
 * A test of a row of the table of errors: each of these requests is refused with the row's code and one of its texts, and
 * each text comes up. `<...>` in a text stands for anything.
 */
export function refuses(title: string, requests: () => Promise<Record<string, any>[]>): void {
  it(`${title}`, async () => {
    const texts = [...title.matchAll(/`([^`]+)`/g)].map(([, text]) => text!);
    const found = (await requests()).map(({ status, code, error }) => {
      const text = texts.find((one) => patternOf(one).test(error as string));
      return `${status} ${code} ${text ?? error}`;
    });
    const code = title.slice(0, title.indexOf(' '));
    expect(new Set(found)).toEqual(new Set(texts.map((text) => `error ${code} ${text}`)));
  });
}

function patternOf(text: string): RegExp {
  const escaped = text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll(/<[\w ]+>/g, '.+')}$`);
}

/**
 * Which rows have a test, as `<table>: <title>`: in a file `compatibility-*-spec.ts`, below a `describe` of the table, one
 * whose title is the row's.
 */
export function testedRows(): string[] {
  const files = readdirSync(TESTS).filter((name) => /^compatibility-.*-spec\.ts$/.test(name));
  return files.flatMap((name) => {
    let table = '';
    return callsIn(readFileSync(join(TESTS, name), 'utf8')).flatMap(([called, text]) => {
      if (called !== 'describe') return [`${table}: ${text}`];
      table = text;
      return [];
    });
  });
}

/** In their order; a test that is skipped is none. */
function callsIn(source: string): [called: string, text: string][] {
  const calls = /\b(describe|it|refuses)\(\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")/g;
  return [...source.matchAll(calls)].map(([, called, single, double]) => [
    called!,
    (single ?? double)!.replaceAll(/\\(.)/g, '$1'),
  ]);
}

/** The original's actions that a row of the table of actions is about. */
export function originalActionsOf(title: string): string[] {
  const named = [...title.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);
  return ORIGINAL_ACTIONS.filter((action) =>
    named.some((name) => name === action || (name.endsWith('/*') && action.startsWith(name.slice(0, -1)))),
  );
}

/** A client that has authenticated with a token; without claims it may do and see everything. */
export async function connectWith(
  service: TestService,
  claims: Claims = {},
  options: TestClientOptions = {},
): Promise<TestClient> {
  const client = await service.connect(options);
  const { status } = await client.authenticate(signToken(claims));
  if (status !== 'success') throw new Error('not authenticated');
  return client;
}

function actions(group: string, names: string): string[] {
  return names.split(' ').map((name) => `${group}/${name}`);
}

function readRows(lines: string[]): Row[] {
  const rows: Row[] = [];
  let table = '';
  let head: string[] | undefined;
  for (const line of lines) {
    if (line.startsWith('## ')) table = line.slice(3);
    const cells = line.split('|').map((cell) => cell.trim());
    const [, first = '', second = ''] = cells;
    if (!line.startsWith('|')) head = undefined;
    else if (!head) head = cells;
    else if (!/^-+$/.test(first)) {
      const title = head[1] === 'code' ? `${first} ${second}` : first;
      rows.push({ table, title, status: cells[head.indexOf('status')], difference: cells.at(-2)! });
    }
  }
  return rows;
}
