import { delay, from, lastValueFrom, merge, mergeMap, type Observable, of, takeUntil } from 'rxjs';
import type { DeviceCommand, DeviceHiveClient } from '../client/index.js';
import { ask } from './session.js';

export interface SimulationOptions {
  devices: number;
  prefix: string;
  network?: number;
  deviceType?: number;
  /** milliseconds between a command and its report */
  delay: number;
  /** 0 to 1 */
  failureRate: number;
}

/** How far it is. */
export interface Progress {
  received: number;
  done: number;
  failed: number;
  /** reports that the service has refused */
  refused: number;
}

export interface Report {
  deviceId: string;
  commandId: number;
  status: 'done' | 'failed' | 'refused';
  error?: string;
}

/** Devices that carry out what they are told, by one connection. */
export class Simulation {
  readonly progress: Progress = { received: 0, done: 0, failed: 0, refused: 0 };
  readonly deviceIds: string[];
  /** events come at least once, and a device acts once */
  private readonly seen = new Set<number>();

  constructor(
    private readonly client: DeviceHiveClient,
    private readonly options: SimulationOptions,
  ) {
    const { devices, prefix } = options;
    this.deviceIds = Array.from({ length: devices }, (_, i) => `${prefix}-${i + 1}`);
  }

  /** Creates the devices, or leaves those that are there as they are. */
  async save(): Promise<void> {
    const { network: networkId, deviceType: deviceTypeId } = this.options;
    const save = (deviceId: string) =>
      ask(this.client, 'device/save', { deviceId, device: { networkId, deviceTypeId } });
    await Promise.all(this.deviceIds.map(save));
  }

  /**
   * Receives commands and reports on them until `end`.
   * @param live called when all devices hear
   */
  run(end: Observable<unknown>, live: () => void, report: (report: Report) => void): Promise<void> {
    let hearing = 0;
    const isLive = () => {
      if (++hearing === this.deviceIds.length) live();
    };
    const commands = this.deviceIds.map((deviceId) =>
      this.client.events('command/insert', { deviceId }, isLive),
    );
    const reports = merge(...commands).pipe(
      mergeMap((command) => this.carryOut(command)),
      takeUntil(end),
      mergeMap(async (made) => report(made)),
    );
    return lastValueFrom(reports, { defaultValue: undefined });
  }

  private carryOut(command: DeviceCommand): Observable<Report> {
    if (this.seen.has(command.id)) return from([]);
    this.seen.add(command.id);
    this.progress.received++;
    return of(command).pipe(
      delay(this.options.delay),
      mergeMap(() => this.report(command)),
    );
  }

  private async report({ id: commandId, deviceId }: DeviceCommand): Promise<Report> {
    const isFailure = Math.random() < this.options.failureRate;
    const status = isFailure ? 'failed' : 'done';
    const result = isFailure ? { reason: 'simulated' } : { simulated: true };
    try {
      await ask(this.client, 'command/update', { deviceId, commandId, command: { status, result } });
      this.progress[status]++;
      return { deviceId, commandId, status };
    } catch (error) {
      this.progress.refused++;
      return { deviceId, commandId, status: 'refused', error: (error as Error).message };
    }
  }
}
