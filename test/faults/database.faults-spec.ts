import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { createScratchDatabase } from '../../src/database/scratch-database.js';
import { serviceOn } from '../support/on-mosquitto.js';
import { noCluster, noSmallDisk, PostgresCluster } from '../support/postgres-cluster.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import type { LedgerRun } from './ledger/run.js';
import { onMosquitto } from './ledger/site.js';
import { endsWell, hasAnswered, isLong, momentsIn, Scene, type Survivor, survivorOf } from './scene.js';

const KILLS = isLong ? 24 : 2;
/** Longer than any batch, and shorter than the service waits for a row. */
const LOCKED_MS = isLong ? 5_000 : 3_000;
const BROKEN_MS = isLong ? 2_000 : 1_000;
const FEW = isLong ? 3 : 1;
/** Each kill leaves pages behind that are empty until a vacuum: 24 of them filled 48 MB. */
const DISK_MB = isLong ? 512 : 48;

if (noCluster) console.log(`Skipping the faults of PostgreSQL: ${noCluster}`);
if (!isLong) console.log('Left to --mode=long: statements that are cancelled');
if (noSmallDisk) console.log(`Skipping the full disk: ${noSmallDisk}`);

/** One service lives through all of it. */
describe.skipIf(noCluster)('a service whose PostgreSQL', () => {
  const scene = Scene.ofAllTests();
  let cluster: PostgresCluster;
  let proxy: TcpProxy;
  let run: LedgerRun;
  let survivor: Survivor;

  beforeAll(async () => {
    const diskMb = noSmallDisk ? undefined : DISK_MB;
    cluster = scene.keep(await PostgresCluster.start({ settings: ['max_connections = 40'], diskMb }));
    const { url } = await createScratchDatabase(cluster.url);
    proxy = scene.keep(await TcpProxy.start(url));
    const broker = await scene.mosquitto();
    // It starts before its database.
    await cluster.kill();
    const service = scene.launch({ env: { ...serviceOn(broker), DATABASE_URL: proxy.url } });
    while (!service.output.includes('Waiting for PostgreSQL at 127.0.0.1')) await delay(20);
    await cluster.startAgain();
    await service.ready();
    run = await scene.run(onMosquitto(broker), {}, url);
    survivor = await survivorOf(service, run);
  }, 60_000);

  /** Requests before, during and after a fault. */
  async function loadWith(fault: () => Promise<unknown>, count = 600): Promise<void> {
    const before = run.answered;
    const sending = run.send(count);
    await hasAnswered(run, before + count / 5);
    await run.during(fault);
    await sending;
  }

  it(`is killed ${KILLS} times, all of it and one backend by turns, answers each request`, async () => {
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

  it('cuts all connections answers each request', async () => {
    for (let i = 0; i < FEW; i++) await loadWith(() => cluster.cutConnections(), 400);
    await endsWell(run, { survivor });
  }, 60_000);

  it('is cut off before it can tell what it has committed answers each request', async () => {
    for (let i = 0; i < FEW; i++) {
      await loadWith(async () => {
        proxy.losesReplies = true;
        await delay(BROKEN_MS / 2);
        proxy.down();
        proxy.losesReplies = false;
        proxy.up();
      });
    }
    await endsWell(run, { survivor });
  }, 60_000);

  it('has a row locked for seconds answers each request', async () => {
    const transaction = run.database.createQueryRunner();
    await loadWith(async () => {
      await transaction.startTransaction();
      await transaction.query('SELECT FROM device_command WHERE id = $1 FOR UPDATE', [run.commandIds[0]]);
      await delay(LOCKED_MS);
      await transaction.commitTransaction();
    });
    await transaction.release();
    await endsWell(run, { survivor });
  }, 60_000);

  it('has no connection left answers each request', async () => {
    await loadWith(() => cluster.withoutConnections(BROKEN_MS));
    expect(cluster.output).toMatch(/too many clients|remaining connection slots/);
    await endsWell(run, { survivor });
  }, 60_000);

  it.skipIf(noSmallDisk)(
    'has a full disk answers each request',
    async () => {
      await loadWith(async () => {
        cluster.fillDisk();
        await delay(BROKEN_MS);
        cluster.freeDisk();
      }, 2_000);
      expect(cluster.output).toContain('No space left on device');
      await endsWell(run, { survivor });
    },
    60_000,
  );

  // The last, since it refuses valid requests. One that comes again is executed, and has another answer then.
  it.skipIf(!isLong)(
    'cancels each statement that takes a millisecond answers each request, some with an error',
    async () => {
      await loadWith(async () => {
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
});
