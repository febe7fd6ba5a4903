import type { Order, Report } from './job.js';
import { Load } from './load.js';

/** The load generator: a process of its own, which gets its jobs and says what came of them over IPC. */
let load: Load | undefined;

const report = (message: Report) => process.send!(message);

async function obey(order: Order): Promise<void> {
  if ('probe' in order) {
    await load!.probe();
    report({ probed: true });
    return;
  }
  load = new Load(order.job);
  const outcome = await load.run((boundary) =>
    report(boundary === 'started' ? { started: true } : { ended: true }),
  );
  report({ outcome });
}

process.on('message', (order: Order) => {
  obey(order).catch((error: Error) => report({ failed: error.message }));
});
// Without whom it works for, it has nothing to do. Ctrl-C reaches both, and that one ends this one.
process.on('disconnect', () => process.exit());
process.on('SIGINT', () => {});
