import { Crowd } from './crowd.js';
import { Fanout } from './fanout.js';
import type { Job, Order, Report } from './job.js';
import { Load } from './load.js';

/** The load generator: a process of its own, which gets its orders and says what came of them over IPC. */
let load: Load | undefined;
let crowd: Crowd | undefined;

const report = (message: Report) => process.send!(message);

async function obey(order: Order): Promise<void> {
  if ('job' in order) await runLoad(order.job);
  else if ('end' in order) load!.end();
  else if ('disperse' in order) crowd!.disperse();
  else if ('probe' in order) {
    await load!.probe();
    report({ probed: true });
  } else if ('gather' in order) {
    crowd = new Crowd(order.gather);
    report({ result: await crowd.gather() });
  } else report({ result: await new Fanout(order.fanout).run() });
}

async function runLoad(job: Job): Promise<void> {
  load = new Load(job);
  const result = await load.run((boundary) =>
    report(boundary === 'started' ? { started: true } : { ended: true }),
  );
  report({ result });
}

process.on('message', (order: Order) => {
  obey(order).catch((error: Error) => report({ failed: error.message }));
});
// Without whom it works for, it has nothing to do. Ctrl-C reaches both, and that one ends this one.
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => {});
