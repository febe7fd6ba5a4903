import { afterEach, describe, expect, it } from 'vitest';
import { createScratchDatabase } from '../../src/database/scratch-database.js';
import { loadThrough, Pair } from './failover.js';
import { noCluster, PostgresCluster } from './postgres-cluster.js';
import type { TestService } from './service.js';
import type { SteadyLoad } from './steady-load.js';

if (noCluster) console.log(`Skipping failovers of PostgreSQL: ${noCluster}`);

interface Stoppable {
  stop(): unknown;
}

/** Keeps what is to be stopped after the test. */
export type Keep = <One extends Stoppable>(one: One) => One;

const QUICK = { ready: [503], recoveryMs: expect.toSatisfy((ms: number) => ms < 5_000) };

/**
 * Declares the tests of a service under load while its database fails.
 * @param where completes "with 50 requests a second at QoS 1 ..."
 * @param loadOn starts a service on the database, and a load on it
 */
export function describeFailover(
  where: string,
  loadOn: (url: string, keep: Keep) => Promise<{ service: TestService; load: SteadyLoad }>,
): void {
  const kept: Stoppable[] = [];
  const keep: Keep = (one) => {
    kept.push(one);
    return one;
  };
  afterEach(async () => {
    for (const one of kept.splice(0).toReversed()) await one.stop();
  });

  describe.skipIf(noCluster)(`with 50 requests a second at QoS 1 ${where}`, () => {
    it('a failover to a standby that is promoted after 4 s loses none: each succeeds, once', async () => {
      const pair = keep(await Pair.start());
      const { service, load } = await loadOn(pair.url, keep);
      expect(await loadThrough(load, service, () => pair.failOver())).toEqual(QUICK);
      expect(await load.mistakes(service)).toEqual([]);
    });

    it('a server that is read-only for 4 s loses none: each succeeds, once', async () => {
      const cluster = keep(await PostgresCluster.start());
      const { url } = await createScratchDatabase(cluster.url);
      const { service, load } = await loadOn(url, keep);
      expect(await loadThrough(load, service, () => cluster.withoutWrites(4_000))).toEqual(QUICK);
      expect(await load.mistakes(service)).toEqual([]);
    });

    it('each succeeds while a column is made wider, three times', async () => {
      const cluster = keep(await PostgresCluster.start());
      const { url } = await createScratchDatabase(cluster.url);
      const { service, load } = await loadOn(url, keep);
      const fifty = async () => {
        const from = load.answered;
        await expect.poll(() => load.answered, { timeout: 10_000 }).toBeGreaterThan(from + 50);
      };
      for (const type of ['varchar(256)', 'varchar(512)', 'text']) {
        await fifty();
        await service.sql(`ALTER TABLE device_command ALTER COLUMN command TYPE ${type}`);
      }
      await fifty();
      expect(await load.mistakes(service)).toEqual([]);
    });
  });
}
