import { firstValueFrom } from 'rxjs';
import {
  type DeviceCommand,
  DeviceHiveClient,
  type DeviceHiveClientOptions,
} from '../../src/client/index.js';
import { SAMPLE_DEVICE } from './service.js';

/** Of each load check; many more with `CLIENT_LOAD_CALLS`. */
export const LOAD_CALLS = Number(process.env.CLIENT_LOAD_CALLS ?? 500);
/** Callers that each wait for their reply before they call again. */
const CALLERS = 50;

export interface LoadReport {
  replies: number;
  errors: string[];
  /** distinct among the replies */
  ids: Set<number>;
  /** requests that the client still knows */
  pending: number;
  seconds: number;
  /** of the slowest call */
  slowestMs: number;
}

/**
 * Makes calls of `command/insert`, and once, after a part of them, something else.
 * @param disturb runs while the calls go on
 */
export async function loadThrough(
  options: DeviceHiveClientOptions,
  disturb: () => Promise<void>,
  calls = LOAD_CALLS,
): Promise<LoadReport> {
  const client = new DeviceHiveClient({ reconnectPeriod: 100, ...options });
  const report: LoadReport = {
    replies: 0,
    errors: [],
    ids: new Set(),
    pending: 0,
    seconds: 0,
    slowestMs: 0,
  };
  const startedAt = performance.now();
  let made = 0;
  let disturbance: Promise<void> | undefined;
  const caller = async (): Promise<void> => {
    while (made < calls) {
      const i = made++;
      if (i >= calls / 3) disturbance ??= disturb();
      const sentAt = performance.now();
      const data = { deviceId: SAMPLE_DEVICE, command: { command: 'load', parameters: { i } } };
      try {
        const reply = await firstValueFrom(client.send<{ command: DeviceCommand }>('command/insert', data));
        report.replies++;
        report.ids.add(reply.command.id);
      } catch (error) {
        report.errors.push((error as Error).message);
      }
      report.slowestMs = Math.max(report.slowestMs, performance.now() - sentAt);
    }
  };
  try {
    await Promise.all(Array.from({ length: CALLERS }, caller));
    await disturbance;
    report.pending = client['requests']['calls'].size;
  } finally {
    await client.close();
  }
  report.seconds = (performance.now() - startedAt) / 1_000;
  if (process.env.CLIENT_LOAD_CALLS) {
    const { replies, errors, ids, pending, seconds, slowestMs } = report;
    process.stdout.write(
      `${calls} calls in ${seconds.toFixed(1)} s: ${replies} replies, ${errors.length} errors, ` +
        `${ids.size} ids, ${pending} pending, slowest ${slowestMs.toFixed(0)} ms\n`,
    );
  }
  return report;
}
