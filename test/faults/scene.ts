import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { createEnvironment, type TestEnvironment } from '../support/environment.js';
import { letWatch, Mosquitto, type MosquittoOptions } from '../support/mosquitto.js';
import { serviceOn } from '../support/on-mosquitto.js';
import { ServiceProcess } from '../support/process.js';
import type { CheckOptions } from './ledger/check.js';
import type { LedgerClientOptions } from './ledger/client.js';
import { recoveryOf } from './ledger/figures.js';
import { refusalsIn } from './ledger/ledger.js';
import { LedgerRun } from './ledger/run.js';
import type { Site } from './ledger/site.js';

export const NAMES = ['client-1', 'client-2', 'client-3', 'client-4'];
const WATCHER = 'watcher';
const SHOWN = 20;
const WARM_UP = 500;
const PROBE = ['--expose-gc', '--import', './test/support/heap-probe.mjs'];

/** `npm run test:faults -- --mode=long` */
export const isLong = process.env.FAULTS === 'long';
/** The promise is 5 s, on a machine that has nothing else to do. */
const RECOVERED_WITHIN_MS = isLong ? 5_000 : 30_000;

export interface ServiceOptions {
  env?: Record<string, string>;
  /** places of the built code that are changed */
  mutations?: Mutation[];
}

/** See `mutation.mjs`. The file is below `dist/src`. */
export interface Mutation {
  file: string;
  from: string;
  to: string;
}

/** What a test starts, which ends with it, the last first. */
export class Scene {
  private readonly ends: (() => Promise<unknown> | void)[] = [];
  private environment!: TestEnvironment;

  /** A new one for each test of the file. */
  static ofEachTest(): Scene {
    const scene = new Scene();
    beforeEach(() => scene.begin());
    afterEach(() => scene.end());
    return scene;
  }

  /** One for all tests of the file, which go on with what those before have left. */
  static ofAllTests(): Scene {
    const scene = new Scene();
    beforeAll(() => scene.begin());
    afterAll(() => scene.end());
    return scene;
  }

  private async begin(): Promise<void> {
    this.environment = await createEnvironment();
    this.ends.push(() => this.environment.dispose());
  }

  private async end(): Promise<void> {
    for (const end of this.ends.splice(0).toReversed()) await end();
  }

  get databaseUrl(): string {
    return this.environment.env.DATABASE_URL!;
  }

  keep<T extends { stop(): Promise<unknown> | void }>(started: T): T {
    this.ends.push(() => started.stop());
    return started;
  }

  /** @param edit changes the deployed configuration */
  async mosquitto(edit?: MosquittoOptions['edit']): Promise<Mosquitto> {
    return this.keep(await Mosquitto.start({ users: [...NAMES, WATCHER], acl: letWatch(WATCHER), edit }));
  }

  /** Not ready yet. */
  launch({ env, mutations }: ServiceOptions): ServiceProcess {
    const mutated = mutations ? ['--import', './test/support/mutation.mjs'] : [];
    const all = { ...this.environment.env, ...env, MUTATIONS: JSON.stringify(mutations ?? []) };
    const service = ServiceProcess.start(all, ['node', ...PROBE, ...mutated, 'dist/src/main.js']);
    this.ends.push(async () => {
      service.kill('SIGKILL');
      await service.exit();
    });
    return service;
  }

  async service(options: ServiceOptions = {}): Promise<ServiceProcess> {
    const service = this.launch(options);
    await service.ready();
    return service;
  }

  /** What a service notes of its runs is gone. */
  forgetStops(): void {
    const { dataDir } = this.environment;
    for (const name of readdirSync(dataDir)) if (/^run-.*\.json$/.test(name)) rmSync(join(dataDir, name));
  }

  /** A service on a broker, maybe through a proxy. */
  serviceOn(broker: Mosquitto, url = broker.url, env: Record<string, string> = {}): Promise<ServiceProcess> {
    return this.service({ env: { ...serviceOn(broker, url), ...env } });
  }

  /** @param prepare what clients need before they connect */
  async run(
    site: Site,
    options: LedgerClientOptions = {},
    databaseUrl = this.databaseUrl,
    prepare?: (run: LedgerRun) => Promise<void>,
    names = NAMES,
  ): Promise<LedgerRun> {
    const run = await LedgerRun.start(site, databaseUrl);
    this.ends.push(() => run.end());
    await prepare?.(run);
    await run.watch(WATCHER);
    await run.connect(names, options);
    return run;
  }
}

/** Resolves when more requests than that are answered. */
export async function hasAnswered(run: LedgerRun, count: number): Promise<void> {
  await expect.poll(() => run.answered, { timeout: 60_000, interval: 5 }).toBeGreaterThan(count);
}

/** Moments of a load at which something breaks: so many answers, which differ from run to run. */
export function momentsIn(requests: number, faults: number): number[] {
  const each = (requests * 0.9) / faults;
  return Array.from({ length: faults }, (_, i) => Math.floor(each * (i + Math.random())));
}

/** What is to hold at the end of a run, besides the invariants. */
export interface Ending extends CheckOptions {
  /** the process that has lived through it all */
  survivor?: Survivor;
  /** whether a fault may cost valid requests their success */
  mayRefuse?: boolean;
}

/** All is answered, nothing is violated, and the figures are told. */
export async function endsWell(
  run: LedgerRun,
  { survivor, mayRefuse, ...options }: Ending = {},
): Promise<void> {
  const found = await run.check({ answeredWithinMs: RECOVERED_WITHIN_MS, ...options });
  console.log(`${expect.getState().currentTestName}: ${run.figures}`);
  expect(found.slice(0, SHOWN)).toEqual([]);
  expect(recoveryOf(run.ledger)).toBeLessThan(RECOVERED_WITHIN_MS);
  if (!mayRefuse) expect(refusalsIn(run.ledger).slice(0, SHOWN)).toEqual([]);
  if (survivor) await isAsBefore(survivor);
}

/** I13: a process that lives through faults, and needs no more afterwards than before. */
export interface Survivor {
  process: ServiceProcess;
  /** bytes in use */
  before: number;
}

/** Measures once there has been a load, of which caches and plans stay. */
export async function survivorOf(process: ServiceProcess, run: LedgerRun): Promise<Survivor> {
  await run.send(WARM_UP);
  expect(await run.check()).toEqual([]);
  return { process, before: await process.memoryInUse() };
}

async function isAsBefore({ process, before }: Survivor): Promise<void> {
  expect(process.isRunning).toBe(true);
  const growth = async () => (await process.memoryInUse()) / before;
  await expect.poll(growth, { timeout: RECOVERED_WITHIN_MS, interval: 500 }).toBeLessThan(1.1);
}
