import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { DeviceHiveClientOptions } from '../../src/client/index.js';
import { SAMPLE_DEVICE } from './service.js';

/** Of each load check; 10,000 with `CLIENT_LOAD_CALLS`. */
export const LOAD_CALLS = Number(process.env.CLIENT_LOAD_CALLS ?? 2_000);
/** Callers that each wait for their reply before they call again. */
const CALLERS = 50;

export interface LoadReport {
  replies: number;
  errors: string[];
  /** distinct ids among the replies */
  distinct: number;
  /** requests that the client still knows */
  pending: number;
  seconds: number;
  /** of the slowest call */
  slowestMs: number;
}

/**
 * Calls of `command/insert` by a Nest application in a process of its own, and once, after a third of them, something else.
 * @param disturb runs while the calls go on
 */
export async function loadThrough(
  options: DeviceHiveClientOptions,
  disturb: () => Promise<void>,
): Promise<LoadReport> {
  const task = {
    options: { reconnectPeriod: 100, ...options },
    calls: LOAD_CALLS,
    callers: CALLERS,
    deviceId: SAMPLE_DEVICE,
  };
  const child = spawn(process.execPath, ['test/fixtures/calling-application.js', JSON.stringify(task)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  let report: LoadReport | undefined;
  try {
    let disturbed: Promise<void> | undefined;
    for await (const line of createInterface({ input: child.stdout })) {
      if (line === 'disturb') disturbed = disturb();
      else report = JSON.parse(line) as LoadReport;
    }
    await disturbed;
    const [code] = await exited;
    if (!report || code !== 0) throw new Error(`the calling application ended with ${code}`);
  } finally {
    child.kill('SIGKILL');
  }
  if (process.env.CLIENT_LOAD_CALLS) {
    const { replies, errors, distinct, pending, seconds, slowestMs } = report;
    process.stdout.write(
      `${LOAD_CALLS} calls in ${seconds.toFixed(1)} s: ${replies} replies, ${errors.length} errors, ` +
        `${distinct} ids, ${pending} pending, slowest ${slowestMs.toFixed(0)} ms\n`,
    );
  }
  return report;
}
