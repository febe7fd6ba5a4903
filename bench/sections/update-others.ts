import { summarize } from '../support/summary.js';
import { type Load, takeTurn } from '../support/turn.js';
import type { Subject } from '../support/subjects.js';
import { number, table, troubles } from '../support/table.js';
import type { Run } from './section.js';

const ACTIONS = ['command/insert', 'command/get'] as const;
const IN_FLIGHT = 64;

/** `command/insert` and `command/get`, once for each subject. @returns a table */
export async function otherActions(
  { generator, progress, token, options }: Run,
  subjects: Subject[],
  size: Omit<Load, 'token'>,
  turnSeconds: number,
): Promise<string> {
  const rows: string[][] = [];
  for (const action of ACTIONS) {
    for (const subject of subjects) {
      progress.step(`${action}: ${subject.name}`, turnSeconds);
      const job = { action, inFlight: IN_FLIGHT, seconds: options.seconds };
      const turn = await takeTurn(generator, subject, { token, ...size }, job);
      const { perSecond, p50, p99, cpuPerThousand, errors, unanswered } = summarize([turn]);
      const figures = [number(perSecond), number(p50, 2), number(p99, 2), number(cpuPerThousand, 3)];
      rows.push([`${action}, ${subject.name}`, ...figures, troubles(errors, unanswered)]);
    }
  }
  const header = ['64 in flight', 'per second', 'p50 ms', 'p99 ms', 'CPU s per 1,000', 'errors'];
  return table(header, rows);
}
