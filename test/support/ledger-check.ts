import { formatTimestamp } from '../../src/protocol/timestamps.js';
import type { Ledger, LedgerRequest } from './ledger.js';

const ANSWERED_WITHIN_MS = 5_000;

/** A row of `device_command` as `SELECT *` gives it. */
export interface FinalRow {
  id: string | number;
  command: string | null;
  status: string | null;
  /** without it the row does not count as an observation of its own */
  last_updated?: Date;
}

export interface CheckOptions {
  /** `now()` when the last fault was over; without it there was none, and each request has exactly one answer */
  faultEndedAt?: number;
  /** whether a request may have got lost after its PUBACK, because its broker was killed before it saved */
  mayBeLost?: (request: LedgerRequest) => boolean;
}

/** One state of one command that somebody saw. */
interface Version {
  lastUpdated: string;
  status: string | null;
  command: string | null;
  /** of an event: the whole command */
  text?: string;
}

/**
 * What a history violates, one line each: the invariant, the request as `<client id>/<requestId>`, and why. Empty where
 * all is well. It takes the values that requests wrote for unique, and the names of inserted commands for unchanged.
 */
export function checkLedger(ledger: Ledger, rows: readonly FinalRow[], options: CheckOptions = {}): string[] {
  const byValue = new Map(ledger.requests.map((request) => [request.value, request]));
  const nameOf = (value: string | null) => {
    const request = value === null ? undefined : byValue.get(value);
    return request ? label(request) : `nobody's value ${value}`;
  };
  return [
    ...ledger.strays.map((stray) => `I5 ${stray}: answers no request of its receiver`),
    ...ledger.requests.flatMap((request) => checkAnswers(request, options)),
    ...checkInserts(ledger, rows),
    ...checkFinalValues(ledger, rows, byValue, nameOf),
    ...[...versionsOf(ledger, rows)].flatMap(([id, versions]) =>
      checkVersions(id, versions, byValue, nameOf),
    ),
  ];
}

/** I5: an answer for each request that the broker took, and always the same. I7: in time. */
function checkAnswers(request: LedgerRequest, { faultEndedAt, mayBeLost }: CheckOptions): string[] {
  const { answers, acknowledgedAt } = request;
  const found: string[] = [];
  const isOwed = faultEndedAt === undefined || acknowledgedAt !== undefined;
  if (answers.length === 0 && isOwed && !mayBeLost?.(request)) {
    found.push(`I5 ${label(request)}: has no answer`);
  }
  if (answers.length > 1 && faultEndedAt === undefined) {
    found.push(`I5 ${label(request)}: has ${answers.length} answers, without a fault`);
  }
  const other = answers.find(({ text }) => text !== answers[0]!.text);
  if (other) found.push(`I5 ${label(request)}: answered ${answers[0]!.text}, then ${other.text}`);
  if (faultEndedAt !== undefined && acknowledgedAt !== undefined && answers[0]) {
    const late = answers[0].at - Math.max(acknowledgedAt, faultEndedAt);
    if (late > ANSWERED_WITHIN_MS) {
      found.push(`I7 ${label(request)}: answered after ${Math.round(late)} ms`);
    }
  }
  return found;
}

/** I8: one row for each insert, and one id wherever it is told. */
function checkInserts(ledger: Ledger, rows: readonly FinalRow[]): string[] {
  const rowIds = idsByName(rows);
  const eventIds = idsByName(ledger.events);
  return ledger.requests
    .filter(({ action }) => action === 'command/insert')
    .flatMap((request) => {
      const stored = rowIds.get(request.value) ?? [];
      const told = request.answers.filter(isSuccess).map(({ commandId }) => commandId);
      const ids = new Set([...stored, ...told, ...(eventIds.get(request.value) ?? [])]);
      const found: string[] = [];
      if (stored.length > 1) found.push(`I8 ${label(request)}: made the rows ${stored.join(', ')}`);
      if (stored.length === 0 && told.length > 0)
        found.push(`I8 ${label(request)}: made no row, answered ${told[0]}`);
      if (ids.size > 1) found.push(`I8 ${label(request)}: is told of as ${[...ids].join(', ')}`);
      return found;
    });
}

/** I1: the final value is by nobody who was answered before the last successful request was sent. */
function checkFinalValues(
  ledger: Ledger,
  rows: readonly FinalRow[],
  byValue: Map<string, LedgerRequest>,
  nameOf: (value: string | null) => string,
): string[] {
  const lastSuccess = new Map<number, LedgerRequest>();
  for (const request of ledger.requests) {
    const id = commandOf(request);
    if (id === undefined || !request.answers.some(isSuccess)) continue;
    const last = lastSuccess.get(id);
    if (!last || last.sentAt < request.sentAt) lastSuccess.set(id, request);
  }
  const rowById = new Map(rows.map((row) => [Number(row.id), row]));
  return [...lastSuccess].flatMap(([id, last]) => {
    const row = rowById.get(id);
    if (!row) return [`I1 ${label(last)}: answered success, but command ${id} has no row`];
    const writer = row.status === null ? undefined : byValue.get(row.status);
    const isForeign = writer && (commandOf(writer) ?? id) !== id;
    if (writer && !isForeign && !(answeredAt(writer) < last.sentAt)) return [];
    const why = writer && !isForeign ? ', who was answered before it was sent' : '';
    return [`I1 ${label(last)}: answered success, but command ${id} ends with ${nameOf(row.status)}${why}`];
  });
}

/** Of one command. I4: a version has one content. I2: values follow each other, as their requests did. */
function checkVersions(
  id: number,
  versions: Version[],
  byValue: Map<string, LedgerRequest>,
  nameOf: (value: string | null) => string,
): string[] {
  const found: string[] = [];
  versions.sort((a, b) => (a.lastUpdated < b.lastUpdated ? -1 : Number(a.lastUpdated > b.lastUpdated)));
  const runs = new Set<string | null>();
  for (const [i, version] of versions.entries()) {
    const before = versions[i - 1];
    if (before?.lastUpdated === version.lastUpdated && differ(before, version)) {
      const both = `${nameOf(before.status)} and ${nameOf(version.status)}`;
      found.push(`I4 ${both}: two contents of command ${id} at ${version.lastUpdated}`);
    }
    if (before && before.status !== version.status && runs.has(version.status)) {
      const which = `in command ${id} at ${version.lastUpdated}, after ${nameOf(before.status)}`;
      found.push(`I2 ${nameOf(version.status)}: its value is back ${which}`);
    }
    runs.add(version.status);
  }
  let first: LedgerRequest | undefined;
  for (const value of [...runs].toReversed()) {
    const request = value === null ? undefined : byValue.get(value);
    if (!request) continue;
    if (first && answeredAt(first) < request.sentAt) {
      const order = `in command ${id} its value comes before that of ${label(first)}`;
      found.push(`I2 ${label(request)}: ${order}, who was answered before it was sent`);
    }
    const isEarlier = !first || answeredAt(request) < answeredAt(first);
    if (isEarlier && request.answers.some(isSuccess)) first = request;
  }
  return found;
}

function versionsOf({ events }: Ledger, rows: readonly FinalRow[]): Map<number, Version[]> {
  const versions = new Map<number, Version[]>();
  for (const event of events) addTo(versions, event.id, event);
  for (const { id, last_updated: at, status, command } of rows) {
    if (at) addTo(versions, Number(id), { lastUpdated: formatTimestamp(at), status, command });
  }
  return versions;
}

/** A row and an event share two fields beside the version. */
function differ(a: Version, b: Version): boolean {
  if (a.text !== undefined && b.text !== undefined) return a.text !== b.text;
  return a.status !== b.status || a.command !== b.command;
}

function idsByName(
  things: readonly { id: string | number; command: string | null }[],
): Map<string, number[]> {
  const ids = new Map<string, number[]>();
  for (const { id, command } of things) if (command !== null) addTo(ids, command, Number(id));
  return ids;
}

function addTo<K, V>(groups: Map<K, V[]>, key: K, value: V): void {
  const group = groups.get(key);
  if (group) group.push(value);
  else groups.set(key, [value]);
}

function label({ clientId, requestId }: LedgerRequest): string {
  return `${clientId}/${requestId}`;
}

/** `undefined` for an insert that nobody answered. */
function commandOf({ commandId, answers }: LedgerRequest): number | undefined {
  return commandId ?? answers.find(isSuccess)?.commandId;
}

function answeredAt({ answers }: LedgerRequest): number {
  return answers[0]?.at ?? Infinity;
}

function isSuccess({ status }: { status: string }): boolean {
  return status === 'success';
}
