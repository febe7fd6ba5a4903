import { isDeepStrictEqual } from 'node:util';
import type { CheckOptions } from './check.js';
import { cycleOf } from './cycle.js';
import {
  addTo,
  answeredAt,
  commandOf,
  type Content,
  type Field,
  FIELDS,
  isSuccess,
  type Ledger,
  type LedgerRequest,
  valueOf,
} from './ledger.js';

/** Nobody's value: what a field has before the first request. */
const NOBODY = null;

/** I1 to I4 and I10: each field of each command is a register, and a request writes all of its fields at once. */
export function checkRegisters(
  ledger: Ledger,
  rows: readonly Content[],
  { acknowledgesCommits = false, mayBeLost }: CheckOptions,
): string[] {
  const byValue = new Map(ledger.requests.map((request) => [request.value, request]));
  const isDone = ({ answers, acknowledgedAt }: LedgerRequest) =>
    answers.some(isSuccess) || (acknowledgesCommits && acknowledgedAt !== undefined && answers.length === 0);
  const done = new Map<number, LedgerRequest[]>();
  for (const request of ledger.requests) {
    const id = commandOf(request);
    if (id !== undefined && isDone(request)) addTo(done, id, request);
  }
  const seen = new Map<number, Content[]>();
  for (const { content } of ledger.events) addTo(seen, content.id, content);
  const rowById = new Map(rows.map((row) => [row.id, row]));
  const ids = new Set([...done.keys(), ...seen.keys(), ...rowById.keys()]);
  return [...ids].flatMap((id) => {
    const row = rowById.get(id);
    const events = seen.get(id) ?? [];
    const requests = done.get(id) ?? [];
    const versions = inOrder(row ? [...events, row] : events);
    const registers = FIELDS.map((field) => new Register(id, field, versions, byValue));
    const order = registers.flatMap((register) => register.check());
    return [
      ...checkFinalRow(id, row, events, requests, mayBeLost),
      ...registers.flatMap((register) => register.checkFinal(row, requests)),
      ...checkContents(id, versions),
      ...order,
      // What comes back in one field is no news in the fold of all.
      ...(order.length === 0 ? checkFold(id, versions, registers, byValue) : []),
      ...(ledger.faults.length === 0 ? checkPublishOrder(id, requests, versions) : []),
    ];
  });
}

/** One field of one command over all versions that somebody saw. */
class Register {
  /** who wrote it, one after the other */
  readonly runs: (string | null)[] = [];
  private readonly back: string[] = [];

  constructor(
    private readonly id: number,
    readonly field: Field,
    versions: readonly Content[],
    private readonly byValue: Map<string, LedgerRequest>,
  ) {
    const known = new Set<string | null>();
    for (const version of versions) {
      const value = valueOf(version, field);
      if (this.runs.length > 0 && value === this.runs.at(-1)) continue;
      if (known.has(value)) {
        const where = `in ${this.name} at ${version.lastUpdated}, after ${this.writer(this.runs.at(-1)!)}`;
        this.back.push(`I2 ${this.writer(value)}: its value is back ${where}`);
      }
      known.add(value);
      this.runs.push(value);
    }
  }

  /** I2: each value once, and after those of requests that were answered before it was sent. */
  check(): string[] {
    const found = [...this.back];
    let first: LedgerRequest | undefined;
    for (const value of [...new Set(this.runs)].toReversed()) {
      const request = value === NOBODY ? undefined : this.byValue.get(value);
      if (!request) continue;
      if (first && answeredAt(first) < request.sentAt) {
        const order = `in ${this.name} its value comes before that of ${first.requestId}`;
        found.push(`I2 ${request.requestId}: ${order}, who was answered before it was sent`);
      }
      const isEarlier = !first || answeredAt(request) < answeredAt(first);
      if (isEarlier && request.answers.some(isSuccess)) first = request;
    }
    return found;
  }

  /** I1: the final value is by nobody who was answered before the last successful request was sent. */
  checkFinal(row: Content | undefined, requests: readonly LedgerRequest[]): string[] {
    const writers = requests.filter(({ fields }) => fields.includes(this.field));
    if (!row || writers.length === 0) return [];
    const last = writers.reduce((a, b) => (b.sentAt > a.sentAt ? b : a));
    const value = valueOf(row, this.field);
    const writer = value === NOBODY ? undefined : this.byValue.get(value);
    const isForeign = writer && (commandOf(writer) ?? this.id) !== this.id;
    if (writer && !isForeign && !(answeredAt(writer) < last.sentAt)) return [];
    const why = writer && !isForeign ? ', who was answered before it was sent' : '';
    return [`I1 ${last.requestId}: is done, but ${this.name} ends with ${this.writer(value)}${why}`];
  }

  writer(value: string | null): string {
    const request = value === NOBODY ? undefined : this.byValue.get(value);
    return request?.requestId ?? `nobody's value ${value}`;
  }

  private get name(): string {
    return `the ${this.field} of command ${this.id}`;
  }
}

/**
 * I1: the row is there. I4: its last event shows it as it is. A broker that has forgotten its sessions drops an event that
 * comes before its watcher is back; where nobody writes the command again, it is the only one.
 */
function checkFinalRow(
  id: number,
  row: Content | undefined,
  events: readonly Content[],
  requests: readonly LedgerRequest[],
  mayBeLost?: (request: LedgerRequest) => boolean,
): string[] {
  if (requests.length === 0 && events.length === 0) return [];
  if (!row) return [`I1 ${requests[0]?.requestId ?? 'an event'}: tells of command ${id}, which has no row`];
  const last = inOrder(events).at(-1);
  if (!last && mayBeLost && requests.every(mayBeLost)) return [];
  if (!last) return [`I4 no event tells of command ${id}`];
  if (last.lastUpdated === row.lastUpdated) return [];
  return [`I4 the last event of command ${id} is of ${last.lastUpdated}, its row of ${row.lastUpdated}`];
}

/** I4: a version has one content. */
function checkContents(id: number, versions: readonly Content[]): string[] {
  return versions.flatMap((version, i) => {
    const before = versions[i - 1];
    if (before?.lastUpdated !== version.lastUpdated || isDeepStrictEqual(before, version)) return [];
    const names = Object.keys(version) as (keyof Content)[];
    const differing = names.filter((name) => !isDeepStrictEqual(before[name], version[name]));
    return [`I4 command ${id} has two contents at ${version.lastUpdated}, by ${differing.join(', ')}`];
  });
}

/** I3: there is an order in which whole requests give all that was seen. */
function checkFold(
  id: number,
  versions: readonly Content[],
  registers: readonly Register[],
  byValue: Map<string, LedgerRequest>,
): string[] {
  const after = new Map<string | null, Set<string | null>>();
  const follows = (earlier: string | null, later: string | null) => {
    const all = after.get(earlier) ?? new Set();
    if (later !== earlier) after.set(earlier, all.add(later));
  };
  const at = registers.map(() => 0);
  for (const version of versions) {
    const values = FIELDS.map((field) => valueOf(version, field));
    for (const [f, value] of values.entries()) {
      const { runs } = registers[f]!;
      if (runs[at[f]!] !== value) at[f]!++;
      // What comes next into a field comes after all that is visible now.
      const next = runs[at[f]! + 1];
      if (next !== undefined) for (const visible of new Set(values)) follows(visible, next);
      const request = value === NOBODY ? undefined : byValue.get(value);
      for (const other of request?.fields ?? []) {
        const covered = valueOf(version, other);
        if (covered !== value) follows(value, covered);
      }
    }
  }
  const cycle = cycleOf(after);
  if (!cycle) return [];
  const names = cycle.map((value) => registers[0]!.writer(value));
  return [`I3 ${names[0]}: no order of whole requests gives command ${id}, for ${names.join(' < ')} < it`];
}

/** I10: what one client pipelines is applied in its order. */
function checkPublishOrder(
  id: number,
  requests: readonly LedgerRequest[],
  versions: readonly Content[],
): string[] {
  const firstSeen = new Map<string, string>();
  for (const version of versions) {
    for (const field of FIELDS) {
      const value = valueOf(version, field);
      if (value !== NOBODY && !firstSeen.has(value)) firstSeen.set(value, version.lastUpdated);
    }
  }
  const last = new Map<string, LedgerRequest>();
  const found: string[] = [];
  for (const request of requests) {
    const at = firstSeen.get(request.value);
    if (at === undefined) continue;
    const before = last.get(request.clientId);
    if (before && firstSeen.get(before.value)! >= at) {
      found.push(`I10 ${request.requestId}: changed command ${id} before ${before.requestId}, sent earlier`);
    }
    last.set(request.clientId, request);
  }
  return found;
}

function inOrder(versions: readonly Content[]): Content[] {
  return versions.toSorted((a, b) =>
    a.lastUpdated < b.lastUpdated ? -1 : Number(a.lastUpdated > b.lastUpdated),
  );
}
