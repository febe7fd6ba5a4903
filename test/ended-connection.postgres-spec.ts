import { expect, it } from 'vitest';
import { TestClient } from './support/client.js';
import { processesOfEachTest } from './support/process.js';
import { ADMIN } from './support/service.js';
import { TcpProxy } from './support/tcp-proxy.js';

const { environment, start } = processesOfEachTest();

it('a PostgreSQL that ends connections in the packet that opens them does not end the service', async () => {
  const { env } = environment();
  const proxy = await TcpProxy.start(env.DATABASE_URL!);
  const service = start({ ...env, DATABASE_URL: proxy.url });
  try {
    const client = await TestClient.connect(await service.ready(), ADMIN);
    proxy.endsNewConnections = true;
    proxy.down();
    proxy.up();
    const reply = client.request('device/get', { deviceId: 'e50d6085-2aba-48e9-b1c3-73c673e414be' });
    await expect.poll(() => proxy.ended, { timeout: 10_000 }).toBeGreaterThan(1);
    proxy.endsNewConnections = false;
    expect(await reply).toMatchObject({ status: 'success' });
    expect(service.isRunning).toBe(true);
    await client.end();
  } finally {
    proxy.stop();
  }
}, 60_000);
