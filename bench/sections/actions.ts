import type { Action } from '../generator/job.js';
import { createDatabase } from '../support/database.js';
import { rateTable, ratioTable } from '../support/rates.js';
import { roundsSeconds, takeRounds, turnSeconds, warmUp } from '../support/rounds.js';
import { startService } from '../support/subjects.js';
import type { SectionOfRun } from './section.js';

const SIZE = { rows: 100_000, perDevice: 1_000 };
const IN_FLIGHT = [1, 64];
const START_SECONDS = 5;

/** With the members of their requests. */
const ACTIONS: [Action, members?: object][] = [
  ['command/update'],
  ['command/get'],
  ['command/list', { take: 20 }],
  ['command/insert'],
  ['notification/insert'],
];
const PAIRS: [Action, Action][] = [
  ['command/get', 'command/update'],
  ['command/list', 'command/update'],
  ['notification/insert', 'command/insert'],
];

/** What other actions cost beside `command/update`, on one and the same service. */
export const actions: SectionOfRun = {
  seconds: (options) =>
    START_SECONDS +
    turnSeconds(options.warmUpSeconds) +
    roundsSeconds(options, IN_FLIGHT.length * ACTIONS.length),

  async run(run, cleanup) {
    run.progress.step('actions: starting the service', START_SECONDS);
    const subject = await startService(cleanup, await createDatabase(cleanup, SIZE));
    const load = { token: run.token, ...SIZE };
    await warmUp(run, 'actions', subject, load);
    const contenders = IN_FLIGHT.flatMap((inFlight) =>
      ACTIONS.map(([action, members]) => ({
        name: action,
        subject,
        load,
        job: { action, inFlight, members },
      })),
    );
    const measured = await takeRounds(run, 'actions', contenders);
    return [
      '## Actions, 100,000 commands',
      'All on the built-in broker, and on one database. A page of `command/list` has 20 commands.',
      rateTable(measured, 'action', 'requests/s'),
      ratioTable(measured, 'requests/s', PAIRS),
    ].join('\n\n');
  },
};
