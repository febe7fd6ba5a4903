import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { lastValueFrom } from 'rxjs';
import { afterEach, describe, expect, it } from 'vitest';
import { codeOf } from './client-error.js';
import type { DeviceHiveClientOptions } from './client-options.js';
import { DeviceHiveClient } from './devicehive.client.js';

const clients: DeviceHiveClient[] = [];
const servers: Server[] = [];
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  for (const server of servers.splice(0)) server.close();
});

function open(options: Partial<DeviceHiveClientOptions>): DeviceHiveClient {
  const client = new DeviceHiveClient(options as DeviceHiveClientOptions);
  clients.push(client);
  return client;
}

/** Takes connections and says nothing, or ends them at once. */
async function serve(isSilent: boolean): Promise<string> {
  const server = createServer((socket) => {
    if (!isSilent) socket.destroy();
    socket.on('error', () => {});
    socket.resume();
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}
const errorOf = (promise: Promise<unknown>) =>
  promise.then(
    () => expect.unreachable('succeeded'),
    (error: Error) => error,
  );

describe('DeviceHiveClient', () => {
  const url = 'mqtt://broker.invalid';

  it.each<[string, Partial<DeviceHiveClientOptions>]>([
    ['no url', {}],
    ['an empty url', { url: '' }],
    ['a url without a host', { url: 'mqtt://' }],
    ['another protocol', { url: 'http://broker' }],
    ['a client id that is no level', { url, clientId: 'a/b' }],
    ['no time', { url, timeout: 0 }],
    ['a time that is no number', { url, timeout: '5' as never }],
    ['NaN', { url, timeout: NaN }],
  ])('is not made of %s', (_, options) => expect(() => open(options)).toThrow(TypeError));

  it.each([Infinity, 2 ** 31])('takes a timeout of %s for the longest that there is', async (timeout) => {
    const client = open({ url: `mqtt://${await serve(false)}`, timeout });
    const reply = errorOf(lastValueFrom(client.send('server/info', {})));
    await errorOf(client.connect());
    await client.close();
    expect(codeOf(await reply)).toBe(499);
  });

  it('shows nothing of a password', async () => {
    const address = await serve(false);
    const { message } = await errorOf(open({ url: `mqtt://me:sec@ret@${address}` }).connect());
    expect(message).toMatch(new RegExp(`^No connection to mqtt://${address}: `));
  });

  it('tells who waits for a connection between two attempts that it is closed', async () => {
    const client = open({ url: `mqtt://${await serve(false)}`, reconnectPeriod: 60_000 });
    expect(codeOf(await errorOf(client.connect()))).toBe(503);
    const waiting = errorOf(client.connect());
    await client.close();
    expect(codeOf(await waiting)).toBe(499);
  });

  it('waits for a server that says nothing as long as for a reply', { timeout: 4_000 }, async () => {
    const client = open({ url: `mqtt://${await serve(true)}`, timeout: 1_000 });
    expect(codeOf(await errorOf(client.connect()))).toBe(503);
  });

  it.each([NaN, Infinity, () => 1, Symbol('a'), { toJSON: () => undefined }])(
    'refuses a requestId that no reply can name: %s',
    async (requestId) => {
      const client = open({ url });
      expect(codeOf(await errorOf(lastValueFrom(client.send('server/info', { requestId }))))).toBe(400);
    },
  );
});
