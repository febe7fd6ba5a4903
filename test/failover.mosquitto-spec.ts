import { afterEach, describe, expect, it } from 'vitest';
import { createScratchDatabase } from '../src/database/scratch-database.js';
import { loadThrough, Pair } from './support/failover.js';
import { Mosquitto } from './support/mosquitto.js';
import { connectOn, serviceOn } from './support/on-mosquitto.js';
import { noCluster, PostgresCluster } from './support/postgres-cluster.js';
import { TestService } from './support/service.js';
import { SteadyLoad } from './support/steady-load.js';

if (noCluster) console.log(`Skipping the failover of PostgreSQL: ${noCluster}`);

const USERS = ['one', 'two', 'three', 'four', 'five'];
const QUICK = { ready: [503], recoveryMs: expect.toSatisfy((ms: number) => ms < 5_000) };
const kept: { stop(): unknown }[] = [];
afterEach(async () => {
  for (const one of kept.splice(0).toReversed()) await one.stop();
});

async function loadOn(DATABASE_URL: string): Promise<{ service: TestService; load: SteadyLoad }> {
  const broker = await Mosquitto.start({ users: USERS });
  kept.push(broker);
  const service = await TestService.start({ ...serviceOn(broker), DATABASE_URL });
  kept.push(service);
  const clients = await Promise.all(USERS.map((name) => connectOn(broker, name)));
  kept.push(...clients.map((client) => ({ stop: () => client.end() })));
  const ids = await Promise.all(clients.map(() => service.insertCommand()));
  const load = new SteadyLoad(clients, ids);
  kept.push(load);
  return { service, load };
}

describe.skipIf(noCluster)('with 50 requests a second at QoS 1 on Mosquitto', () => {
  it('a failover to a standby that is promoted after 4 s loses none: each succeeds, once', async () => {
    const pair = await Pair.start();
    kept.push(pair);
    const { service, load } = await loadOn(pair.url);
    expect(await loadThrough(load, service, () => pair.failOver())).toEqual(QUICK);
    expect(await load.mistakes(service)).toEqual([]);
  });

  it('a server that is read-only for 4 s loses none: each succeeds, once', async () => {
    const cluster = await PostgresCluster.start();
    kept.push(cluster);
    const { url } = await createScratchDatabase(cluster.url);
    const { service, load } = await loadOn(url);
    expect(await loadThrough(load, service, () => cluster.withoutWrites(4_000))).toEqual(QUICK);
    expect(await load.mistakes(service)).toEqual([]);
  });
});
