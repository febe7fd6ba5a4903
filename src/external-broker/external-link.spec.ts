import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { expect, it } from 'vitest';
import { SoleProcess } from '../database/leadership.js';
import { ExternalLink } from './external-link.js';

it('leaves no connection behind when it closes, not even one that was opened while the service stopped', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const options = {
    url: `mqtt://127.0.0.1:${port}`,
    clientId: 'service',
    maxInFlight: 1,
    maxRequestBytes: 1,
  };
  const link = new ExternalLink(options, new SoleProcess());
  const connected = once(server, 'connection');
  await link.open({ opened: () => {}, standsBy: () => {}, isServing: () => true, ended: async () => {} });
  const [socket] = (await connected) as [Socket];
  const closed = once(socket.resume(), 'close');
  await link.close();
  await closed;
  const others = await new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
  expect(others).toBe(0);
  server.close();
});
