import { setTimeout as delay } from 'node:timers/promises';
import { vi } from 'vitest';
import { createScratchDatabase } from '../../src/database/scratch-database.js';
import { PostgresCluster } from './postgres-cluster.js';
import type { TestService } from './service.js';
import type { SteadyLoad } from './steady-load.js';
import { TcpProxy } from './tcp-proxy.js';

/** How long the standby waits for its promotion. */
const STANDBY_MS = 4_000;
const WAIT_MS = 20_000;

/** A primary and its standby behind one address. */
export class Pair {
  private constructor(
    readonly primary: PostgresCluster,
    readonly standby: PostgresCluster,
    private readonly proxy: TcpProxy,
  ) {}

  static async start(): Promise<Pair> {
    const primary = await PostgresCluster.start();
    const { url } = await createScratchDatabase(primary.url);
    const standby = await primary.startStandby();
    return new Pair(primary, standby, await TcpProxy.start(url));
  }

  /** Of the database of whichever of the two serves. */
  get url(): string {
    return this.proxy.url;
  }

  /** Resolves when the standby takes writes. */
  async failOver(): Promise<void> {
    await this.primary.shutDown();
    const url = new URL(this.standby.url);
    url.pathname = new URL(this.url).pathname;
    this.proxy.leadTo(url.href);
    await delay(STANDBY_MS);
    await this.standby.promote();
  }

  async stop(): Promise<void> {
    this.proxy.stop();
    await this.standby.stop();
    await this.primary.stop();
  }
}

/** What was seen of a fault. */
export interface Fault {
  /** what `ready` said from its first 503 to the end of the fault, each once */
  ready: number[];
  /** from the end of the fault until the service was ready and had answered a request that was sent after it; milliseconds */
  recoveryMs: number;
}

/**
 * Has a load go on through a fault.
 * @param fault resolves when it is over
 */
export async function loadThrough(
  load: SteadyLoad,
  service: TestService,
  fault: () => Promise<void>,
): Promise<Fault> {
  const ready = async () => (await fetch(`${service.httpUrl}/health/ready`)).status;
  const until = (holds: () => boolean | Promise<boolean>) =>
    vi.waitUntil(holds, { timeout: WAIT_MS, interval: 20 });
  await until(() => load.answered > 50);
  const over = new AbortController();
  const faulty = fault().finally(() => over.abort());
  await until(async () => (await ready()) === 503);
  const seen = new Set<number>();
  while (!over.signal.aborted) {
    const status = await ready();
    if (!over.signal.aborted) seen.add(status);
    await delay(50);
  }
  await faulty;
  const from = load.count;
  const endedAt = performance.now();
  await until(async () => (await ready()) === 200);
  await until(() => load.hasAnsweredSince(from));
  return { ready: [...seen], recoveryMs: performance.now() - endedAt };
}
