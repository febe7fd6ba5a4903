import { afterEach, describe, expect, it } from 'vitest';
import { createScratchDatabase } from '../src/database/scratch-database.js';
import { loadThrough, Pair } from './support/failover.js';
import { noCluster, PostgresCluster } from './support/postgres-cluster.js';
import { TestService } from './support/service.js';
import { SteadyLoad } from './support/steady-load.js';

if (noCluster) console.log(`Skipping the failover of PostgreSQL: ${noCluster}`);

const CLIENTS = 5;
const QUICK = { ready: [503], recoveryMs: expect.toSatisfy((ms: number) => ms < 5_000) };
const kept: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const one of kept.splice(0).toReversed()) await one.stop();
});

async function loadOn(
  settings: Record<string, string> = {},
): Promise<{ service: TestService; load: SteadyLoad }> {
  const service = await TestService.start(settings);
  kept.push(service);
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => service.connect()));
  const ids = await Promise.all(clients.map(() => service.insertCommand()));
  const load = new SteadyLoad(clients, ids);
  kept.push(load);
  return { service, load };
}

describe.skipIf(noCluster)('with 50 requests a second at QoS 1 on the built-in broker', () => {
  it('a failover to a standby that is promoted after 4 s loses none: each succeeds, once', async () => {
    const pair = await Pair.start();
    kept.push(pair);
    const { service, load } = await loadOn({ DATABASE_URL: pair.url });
    expect(await loadThrough(load, service, () => pair.failOver())).toEqual(QUICK);
    expect(await load.mistakes(service)).toEqual([]);
  });

  it('a server that is read-only for 4 s loses none: each succeeds, once', async () => {
    const cluster = await PostgresCluster.start();
    kept.push(cluster);
    const { url } = await createScratchDatabase(cluster.url);
    const { service, load } = await loadOn({ DATABASE_URL: url });
    expect(await loadThrough(load, service, () => cluster.withoutWrites(4_000))).toEqual(QUICK);
    expect(await load.mistakes(service)).toEqual([]);
  });
});

describe('with 50 requests a second at QoS 1', () => {
  it('each succeeds while a column is made wider, three times', async () => {
    const { service, load } = await loadOn();
    for (const type of ['varchar(256)', 'varchar(512)', 'text']) {
      const from = load.answered;
      await expect.poll(() => load.answered, { timeout: 10_000 }).toBeGreaterThan(from + 50);
      await service.sql(`ALTER TABLE device_command ALTER COLUMN command TYPE ${type}`);
    }
    const from = load.answered;
    await expect.poll(() => load.answered, { timeout: 10_000 }).toBeGreaterThan(from + 50);
    expect(await load.mistakes(service)).toEqual([]);
  });
});
