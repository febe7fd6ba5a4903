import { describeFailover, type Keep } from './support/failover-contract.js';
import { noPgBouncer, PgBouncer } from './support/pgbouncer.js';
import { TestService } from './support/service.js';
import { SteadyLoad } from './support/steady-load.js';

const CLIENTS = 5;

async function loadOn(url: string, keep: Keep): Promise<{ service: TestService; load: SteadyLoad }> {
  const service = keep(await TestService.start({ DATABASE_URL: url }));
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => service.connect()));
  const ids = await Promise.all(clients.map(() => service.insertCommand()));
  return { service, load: keep(new SteadyLoad(clients, ids)) };
}

describeFailover('on the built-in broker', loadOn);

if (noPgBouncer) console.log(`Skipping PgBouncer: ${noPgBouncer}`);
else {
  describeFailover('through PgBouncer in session mode', async (url, keep) => {
    const pooler = keep(await PgBouncer.start(url, ['pool_mode = session', 'default_pool_size = 40']));
    return loadOn(pooler.url, keep);
  });
}
