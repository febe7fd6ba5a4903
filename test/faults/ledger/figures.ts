import { valuesOf } from './check-events.js';
import { answeredAt, isSuccess, type Ledger } from './ledger.js';

const count = (number: number): string => number.toLocaleString('en');

/** What a ledger holds, in one line: how much, and what a fault costs though it violates nothing. */
export function figuresOf(ledger: Ledger): string {
  const { requests, events, faults } = ledger;
  const inserts = requests.filter(({ action }) => action === 'command/insert').length;
  const refused = requests.filter(({ answers }) => answers[0] && !isSuccess(answers[0])).length;
  const again = requests.filter(({ answers }) => answers.length > 1).length;
  const asked = requests.filter(({ isAskedAgain }) => isAskedAgain).length;
  const told = new Set(events.flatMap(({ content }) => valuesOf(content)));
  const gaps = requests.filter(({ answers, value }) => answers.some(isSuccess) && !told.has(value)).length;
  const versions = new Set(
    events.map(({ watcher, content: { id, lastUpdated } }) => `${watcher} ${id} ${lastUpdated}`),
  );
  return [
    `${count(requests.length)} requests (${count(inserts)} inserts, ${count(refused)} refused)`,
    `${count(requests.filter(({ answers }) => answers.length > 0).length)} answered`,
    `${count(again)} more than once, ${count(asked)} when asked again`,
    `${count(events.length)} events (${count(events.length - versions.size)} repeats, ${count(gaps)} gaps)`,
    `${count(faults.length)} faults`,
    `served again after ${count(Math.round(recoveryOf(ledger)))} ms at most`,
  ].join(', ');
}

/** The longest time from the end of a fault to the next answer to a request that waited for it; milliseconds. */
export function recoveryOf({ requests, faults }: Ledger): number {
  const times = requests.map((request) => ({ sentAt: request.sentAt, answeredAt: answeredAt(request) }));
  return Math.max(
    0,
    ...faults
      .map(({ to }) => {
        const waiting = times.filter(({ sentAt, answeredAt: at }) => sentAt <= to && at > to);
        return waiting.reduce((first, { answeredAt: at }) => Math.min(first, at), Infinity) - to;
      })
      .filter(Number.isFinite),
  );
}
