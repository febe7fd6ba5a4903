import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { createScratchDatabase } from '../../src/database/scratch-database.js';
import { serviceOn } from '../support/on-mosquitto.js';
import { type ClusterOptions, noCluster, noSmallDisk, PostgresCluster } from '../support/postgres-cluster.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import type { LedgerRun } from './ledger/run.js';
import { onMosquitto } from './ledger/site.js';
import { endsWell, hasAnswered, isLong, momentsIn, Scene, type Survivor, survivorOf } from './scene.js';

const KILLS = isLong ? 24 : 2;
/** Longer than any batch, and shorter than the service waits for a row. */
const LOCKED_MS = 5_000;
const BROKEN_MS = 2_000;
/** The connections of a service, as its name tells. */
const CUT = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
              WHERE application_name LIKE 'nest-devicehive%' AND datname = current_database()`;

if (noCluster) console.log(`Skipping the faults of a PostgreSQL of their own: ${noCluster}`);
if (noSmallDisk) console.log(`Skipping the full disk: ${noSmallDisk}`);

const scene = Scene.ofEachTest();

/** A database in a cluster that may be broken. */
async function startCluster(options?: ClusterOptions): Promise<{ cluster: PostgresCluster; url: string }> {
  const cluster = scene.keep(await PostgresCluster.start(options));
  return { cluster, url: (await createScratchDatabase(cluster.url)).url };
}

/** A service on Mosquitto that has served a while. */
async function serve(
  databaseUrl = scene.databaseUrl,
  servedUrl = databaseUrl,
): Promise<{ survivor: Survivor; run: LedgerRun }> {
  const broker = await scene.mosquitto();
  const service = await scene.serviceOn(broker, broker.url, { DATABASE_URL: servedUrl });
  const run = await scene.run(onMosquitto(broker), {}, databaseUrl);
  return { run, survivor: await survivorOf(service, run) };
}

/** Requests before, during and after a fault. */
async function loadWith(run: LedgerRun, fault: () => Promise<unknown>, count = 1_000): Promise<void> {
  const before = run.answered;
  const sending = run.send(count);
  await hasAnswered(run, before + count / 5);
  await run.during(fault);
  await sending;
}

describe.skipIf(noCluster)('kill -9 of PostgreSQL', () => {
  it(`${KILLS} times, of all of it and of one backend by turns, costs no request its success`, async () => {
    const { cluster, url } = await startCluster();
    const { survivor, run } = await serve(url);
    const before = run.answered;
    const sending = run.send(KILLS * 500);
    for (const [i, answered] of momentsIn(KILLS * 500, KILLS).entries()) {
      await hasAnswered(run, before + answered);
      await run.during(async () => {
        if (i % 2 === 1) return cluster.killBackend();
        await cluster.kill();
        await cluster.startAgain();
      });
    }
    await sending;
    await endsWell(run, { survivor });
  }, 600_000);
});

describe('PostgreSQL', () => {
  it('may cut all connections, again and again', async () => {
    const { survivor, run } = await serve();
    for (let i = 0; i < 3; i++) await loadWith(run, () => run.database.query(CUT), 400);
    await endsWell(run, { survivor });
  }, 60_000);

  it.skipIf(noCluster)(
    'may cancel each statement that takes a millisecond',
    async () => {
      const { cluster, url } = await startCluster();
      const { survivor, run } = await serve(url);
      await loadWith(run, async () => {
        await cluster.query("ALTER SYSTEM SET statement_timeout = '1ms'");
        await cluster.query('SELECT pg_reload_conf()');
        await delay(BROKEN_MS);
        await cluster.query('ALTER SYSTEM RESET statement_timeout');
        await cluster.query('SELECT pg_reload_conf()');
      });
      expect(cluster.output).toContain('canceling statement due to statement timeout');
      await endsWell(run, { survivor, mayRefuse: true });
    },
    60_000,
  );

  it('may lose the replies to what it has committed', async () => {
    const proxy = scene.keep(await TcpProxy.start(scene.databaseUrl));
    const { survivor, run } = await serve(scene.databaseUrl, proxy.url);
    for (let i = 0; i < 3; i++) {
      await loadWith(
        run,
        async () => {
          proxy.losesReplies = true;
          await delay(BROKEN_MS / 4);
          proxy.down();
          proxy.losesReplies = false;
          proxy.up();
        },
        400,
      );
    }
    await endsWell(run, { survivor });
  }, 60_000);

  it('may have a row locked for 5 s: its requests wait, and no others', async () => {
    const { survivor, run } = await serve();
    const transaction = run.database.createQueryRunner();
    await loadWith(run, async () => {
      await transaction.startTransaction();
      await transaction.query('SELECT FROM device_command WHERE id = $1 FOR UPDATE', [run.commandIds[0]]);
      await delay(LOCKED_MS);
      await transaction.commitTransaction();
    });
    await transaction.release();
    await endsWell(run, { survivor });
  }, 60_000);

  it.skipIf(noCluster)(
    'may have no connection left',
    async () => {
      const { cluster, url } = await startCluster({ settings: ['max_connections = 20'] });
      const { survivor, run } = await serve(url);
      await loadWith(run, () => cluster.withoutConnections(BROKEN_MS));
      expect(cluster.output).toMatch(/too many clients|remaining connection slots/);
      await endsWell(run, { survivor });
    },
    60_000,
  );

  it.skipIf(noSmallDisk)(
    'may have a full disk',
    async () => {
      const { cluster, url } = await startCluster({ diskMb: 32 });
      const { survivor, run } = await serve(url);
      await loadWith(run, async () => {
        cluster.fillDisk();
        await delay(BROKEN_MS);
        cluster.freeDisk();
      });
      await endsWell(run, { survivor });
    },
    60_000,
  );

  it.skipIf(noCluster)(
    'may come up after the service',
    async () => {
      const { cluster, url } = await startCluster();
      await cluster.kill();
      const broker = await scene.mosquitto();
      const service = scene.launch({ env: { ...serviceOn(broker), DATABASE_URL: url } });
      await expect
        .poll(() => service.output, { timeout: 10_000 })
        .toContain('Waiting for PostgreSQL at 127.0.0.1');
      await cluster.startAgain();
      await service.ready();
      const run = await scene.run(onMosquitto(broker), {}, url);
      await run.send(200);
      await endsWell(run);
    },
    60_000,
  );
});
