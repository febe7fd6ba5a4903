import { isDeepStrictEqual } from 'node:util';
import { checkEvents } from './check-events.js';
import { checkRegisters } from './check-registers.js';
import { addTo, type Content, isSuccess, type Ledger, type LedgerRequest } from './ledger.js';

export interface CheckOptions {
  /** I7: the longest time from the end of a fault to an answer; 5 s unless told */
  answeredWithinMs?: number;
  /** whether a request after its PUBACK, or its event, may have got lost, because its broker was killed before it saved */
  mayBeLost?: (request: LedgerRequest) => boolean;
  /** the broker acknowledges what is committed, as the built-in one does */
  acknowledgesCommits?: boolean;
  /** watchers that have to see all; the others may see less */
  witnesses?: readonly string[];
  /** rights that were taken away */
  revocations?: readonly Revocation[];
}

/** From `at` on a client must not write to a device, nor a watcher see it. */
export interface Revocation {
  who: string;
  deviceId: string;
  at: number;
}

/**
 * What a history violates, one line each: the invariant, the request as `<client id>/<number>`, and why. Empty where
 * all is well. It takes the values that requests wrote for unique, and the names of inserted commands for unchanged.
 * @param rows all commands at the end
 */
export function checkLedger(ledger: Ledger, rows: readonly Content[], options: CheckOptions = {}): string[] {
  return [
    ...ledger.strays.map((stray) => `I11 ${stray}: answers no request of its receiver`),
    ...ledger.requests.flatMap((request) => checkAnswers(ledger, request, options)),
    ...checkInserts(ledger, rows),
    ...checkRegisters(ledger, rows, options),
    ...checkEvents(ledger, rows, options),
  ];
}

/**
 * I7, before anybody asks again: what was acknowledged and has no answer lost that on the way, and is applied. It can
 * be told of inserts; the values of an update may be overwritten.
 */
export function checkUnanswered(
  { requests }: Ledger,
  rows: readonly Content[],
  { mayBeLost }: CheckOptions = {},
): string[] {
  const stored = new Set(rows.map(({ command }) => command));
  return requests
    .filter(({ action, acknowledgedAt, answers }) => {
      return action === 'command/insert' && acknowledgedAt !== undefined && answers.length === 0;
    })
    .filter((request) => !stored.has(request.value) && !mayBeLost?.(request))
    .map(({ requestId }) => `I7 ${requestId}: is acknowledged, and neither applied nor answered`);
}

/** I5: an answer for each request that the broker took, and always the same. I7: in time. */
function checkAnswers(
  ledger: Ledger,
  request: LedgerRequest,
  { mayBeLost, answeredWithinMs = 5_000 }: CheckOptions,
): string[] {
  const { answers, acknowledgedAt, requestId } = request;
  const found: string[] = [];
  const hasFaults = ledger.faults.length > 0;
  const isOwed = !hasFaults || acknowledgedAt !== undefined;
  if (answers.length === 0 && isOwed && !mayBeLost?.(request)) found.push(`I5 ${requestId}: has no answer`);
  if (answers.length > 1 && !hasFaults) {
    found.push(`I5 ${requestId}: has ${answers.length} answers, without a fault`);
  }
  if (request.isAskedAgain && !hasFaults) {
    found.push(`I5 ${requestId}: is answered only when asked again, without a fault`);
  }
  const other = answers.find((answer) => !isSame(answer.text, answers[0]!.text));
  if (other) found.push(`I5 ${requestId}: answered ${answers[0]!.text}, then ${other.text}`);
  if (hasFaults && acknowledgedAt !== undefined && answers[0] && !request.isAskedAgain) {
    const from = Math.max(acknowledgedAt, request.sentAt, ...endsBefore(ledger, answers[0].at));
    const late = answers[0].at - from;
    if (late > answeredWithinMs) found.push(`I7 ${requestId}: answered after ${Math.round(late)} ms`);
  }
  return found;
}

const endsBefore = ({ faults }: Ledger, at: number): number[] =>
  faults.filter(({ from }) => from <= at).map(({ to }) => Math.min(to, at));

function isSame(a: string, b: string): boolean {
  return a === b || isDeepStrictEqual(JSON.parse(a), JSON.parse(b));
}

/** I8: one row for each insert, and one id wherever it is told. */
function checkInserts(ledger: Ledger, rows: readonly Content[]): string[] {
  const rowIds = idsByName(rows);
  const eventIds = idsByName(ledger.events.map(({ content }) => content));
  return ledger.requests
    .filter(({ action }) => action === 'command/insert')
    .flatMap(({ requestId, value, answers }) => {
      const stored = rowIds.get(value) ?? [];
      const told = answers.filter(isSuccess).map(({ commandId }) => commandId);
      const ids = new Set([...stored, ...told, ...(eventIds.get(value) ?? [])]);
      const found: string[] = [];
      if (stored.length > 1) found.push(`I8 ${requestId}: made the rows ${stored.join(', ')}`);
      if (stored.length === 0 && told.length > 0)
        found.push(`I8 ${requestId}: made no row, answered ${told[0]}`);
      if (ids.size > 1) found.push(`I8 ${requestId}: is told of as ${[...ids].join(', ')}`);
      return found;
    });
}

function idsByName(commands: readonly Content[]): Map<string, number[]> {
  const ids = new Map<string, number[]>();
  for (const { id, command } of commands) if (command !== null) addTo(ids, command, id);
  return ids;
}
