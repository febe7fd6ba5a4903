import type { CheckOptions } from './check.js';
import {
  type Content,
  FIELDS,
  isSuccess,
  type Ledger,
  type LedgerRequest,
  valueOf,
  wasHit,
} from './ledger.js';

/** Longest time from a change of rights to its effect. */
const REVOKED_WITHIN_MS = 1_000;

/** I6, I9, I11 and I12: who sees what, and what nobody sees. */
export function checkEvents(
  ledger: Ledger,
  rows: readonly Content[],
  { witnesses = [], revocations = [] }: CheckOptions,
): string[] {
  const seenBy = new Map(witnesses.map((watcher) => [watcher, new Set<string>()]));
  const seen = new Set(rows.flatMap(valuesOf));
  for (const { watcher, content } of ledger.events) {
    for (const value of valuesOf(content)) {
      seen.add(value);
      seenBy.get(watcher)?.add(value);
    }
  }
  const isRevoked = (who: string, deviceId: string, at: number) =>
    revocations.some((r) => r.who === who && r.deviceId === deviceId && at > r.at + REVOKED_WITHIN_MS);
  return [
    ...ledger.requests.flatMap((request) => [
      ...checkRefused(request, seen),
      ...[...seenBy].flatMap(([watcher, values]) =>
        isTold(ledger, request, values) ? [] : [`I9 ${request.requestId}: no event tells ${watcher} of it`],
      ),
      ...(isRevoked(request.clientId, request.deviceId, request.sentAt) && isApplied(request, seen)
        ? [`I12 ${request.requestId}: is applied, its right was taken away before it was sent`]
        : []),
    ]),
    ...ledger.events
      .filter(({ watcher, at, content }) => isRevoked(watcher, content.deviceId, at))
      .map(({ watcher, content: { id, lastUpdated, deviceId } }) => {
        return `I11 ${watcher}: is told of command ${id} at ${lastUpdated}, of device ${deviceId}`;
      }),
  ];
}

/** I6: nobody sees the value of a refused request, unless the answer says that it may have been applied. */
function checkRefused({ requestId, value, answers, isInvalid }: LedgerRequest, seen: Set<string>): string[] {
  const [answer] = answers;
  if (isInvalid && answer && isSuccess(answer)) return [`I6 ${requestId}: is invalid, and a success`];
  const isRefused = answer && !isSuccess(answer) && !answer.error?.startsWith('Outcome unknown');
  return isRefused && seen.has(value) ? [`I6 ${requestId}: is refused with ${answer.code}, and applied`] : [];
}

/** I9. Where the service broke down in between, the event may be of a later version. */
function isTold(ledger: Ledger, request: LedgerRequest, values: Set<string>): boolean {
  return !request.answers.some(isSuccess) || values.has(request.value) || wasHit(ledger, request);
}

function isApplied({ value, answers }: LedgerRequest, seen: Set<string>): boolean {
  return seen.has(value) || answers.some(isSuccess);
}

export function valuesOf(content: Content): string[] {
  return [content.command, ...FIELDS.map((field) => valueOf(content, field))].filter(
    (value) => value !== null,
  );
}
