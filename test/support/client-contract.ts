import { ClientsModule } from '@nestjs/microservices';
import { NestFactory } from '@nestjs/core';
import type { IPublishPacket } from 'mqtt';
import { firstValueFrom, lastValueFrom, type Observable, type Subscription } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  codeOf,
  type DeviceCommand,
  DeviceHiveClient,
  type DeviceHiveClientOptions,
} from '../../src/client/index.js';
import type { MqttProxy } from './proxy.js';
import { SAMPLE_DEVICE } from './service.js';
import { signToken } from './token.js';

/** A service, and how clients get to it. */
export interface ClientWorld {
  /** between clients and broker */
  proxy: MqttProxy;
  /** for the first or the second client */
  options(number: 1 | 2): Partial<DeviceHiveClientOptions>;
  sql(statement: string, parameters?: unknown[]): Promise<Record<string, unknown>[]>;
  /** whether the reply to an action that nobody has gets through */
  hearsUnknownActions: boolean;
}

const deviceId = SAMPLE_DEVICE;
const POLL = { interval: 5, timeout: 10_000 };
type Command = { command: DeviceCommand };

/** What `getError()` of the failure is. */
export async function errorOf(failing: Observable<unknown>): Promise<{ code: number; message: string }> {
  const error: unknown = await lastValueFrom(failing).then(
    (value) => expect.unreachable(`succeeded: ${JSON.stringify(value)}`),
    (error: unknown) => error,
  );
  return (error as { getError(): { code: number; message: string } }).getError();
}

/** Collects what comes, and what waits for it. */
export class Watch<Event> {
  readonly events: Event[] = [];
  error?: unknown;
  timesLive = 0;
  subscription!: Subscription;

  static of<Event>(make: (live: () => void) => Observable<Event>): Watch<Event> {
    const watch = new Watch<Event>();
    watch.subscription = make(() => watch.timesLive++).subscribe({
      next: (event) => watch.events.push(event),
      error: (error: unknown) => (watch.error = error),
    });
    return watch;
  }

  /** Waits until the broker has taken the subscription so many times. */
  live(times = 1): Promise<void> {
    return this.until(() => this.timesLive >= times);
  }

  /** Waits for events. */
  async has(count: number): Promise<Event[]> {
    await this.until(() => this.events.length >= count);
    return this.events;
  }

  private until(isThere: () => boolean): Promise<void> {
    const check = () => {
      if (!isThere()) throw new Error(`waited in vain, with ${JSON.stringify(this.events)}, ${this.error}`);
    };
    return vi.waitFor(check, POLL);
  }
}

/** What `DeviceHiveClient` does on any broker. */
export function describeClient(name: string, world: () => ClientWorld): void {
  describe(`DeviceHiveClient on ${name}`, () => {
    const clients: DeviceHiveClient[] = [];
    const watches: Subscription[] = [];
    let unhandled: unknown[];
    const keep = (error: unknown) => unhandled.push(error);
    beforeEach(() => {
      unhandled = [];
      process.on('unhandledRejection', keep);
    });
    afterEach(async () => {
      for (const watch of watches.splice(0)) watch.unsubscribe();
      await Promise.all(clients.splice(0).map((client) => client.close()));
      world().proxy.refuse(false);
      world().proxy.drop = () => false;
      world().proxy.rewrite = undefined;
      process.off('unhandledRejection', keep);
      expect(unhandled).toEqual([]);
    });

    function open(options: Partial<DeviceHiveClientOptions> = {}, number: 1 | 2 = 1): DeviceHiveClient {
      const client = new DeviceHiveClient({
        url: world().proxy.url,
        token: signToken(),
        reconnectPeriod: 50,
        timeout: 10_000,
        ...world().options(number),
        ...options,
      });
      clients.push(client);
      return client;
    }
    const ask = <Reply>(client: DeviceHiveClient, action: string, data: object) =>
      firstValueFrom(client.send<Reply>(action, data));
    const insert = (client: DeviceHiveClient, command = 'led/on', parameters?: object) =>
      ask<Command>(client, 'command/insert', { deviceId, command: { command, parameters } });
    /** a name that no other run in this database has */
    const of = (what: string) => `${what} on ${name}`;
    const rows = async (command: string) =>
      world().sql('SELECT id, status FROM device_command WHERE command = $1', [command]);
    function watch(client: DeviceHiveClient, ...names: string[]): Watch<DeviceCommand> {
      const made = Watch.of((live) => client.events('command/insert', { deviceId, names }, live));
      watches.push(made.subscription);
      return made;
    }
    const muted = (): void => {
      world().proxy.drop = (direction, { cmd }) => direction === 'toClient' && cmd === 'publish';
    };

    it('answers with what the action returns, without the envelope', async () => {
      const client = open();
      const { command } = await insert(client, 'led/on', { level: 3 });
      expect(await ask(client, 'command/get', { deviceId, commandId: command.id })).toEqual({
        command: expect.objectContaining({ id: command.id, command: 'led/on', parameters: { level: 3 } }),
      });
      const update = { deviceId, commandId: command.id, command: { status: 'done' } };
      expect(await ask(client, 'command/update', update)).toEqual({});
    });

    it('is what ClientsModule makes of its options, and ends with the application', async () => {
      const options = { url: world().proxy.url, token: signToken(), ...world().options(1) };
      const clients = ClientsModule.register([
        { name: 'DEVICEHIVE', customClass: DeviceHiveClient, options },
      ]);
      const app = await NestFactory.createApplicationContext(clients, { logger: false });
      const client = app.get<DeviceHiveClient>('DEVICEHIVE');
      await client.connect();
      expect(await ask(client, 'server/info', {})).toHaveProperty('info.serverTimestamp');
      await app.close();
      expect(await errorOf(client.send('server/info', {}))).toMatchObject({ code: 499 });
    });

    it("fails with the service's code and text", async () => {
      expect(await errorOf(open().send('command/get', { deviceId, commandId: 1e9 }))).toEqual({
        code: 404,
        message: 'Command with id = 1000000000 not found',
      });
      const narrow = open({ token: signToken({ a: [5] }) }, 2);
      expect(await errorOf(narrow.send('device/get', { deviceId }))).toEqual({
        code: 403,
        message: 'Access is denied',
      });
    });

    it('fails for an action that nobody has', async () => {
      const { hearsUnknownActions } = world();
      const error = await errorOf(
        open({ timeout: hearsUnknownActions ? 10_000 : 300 }).send('toaster/start', {}),
      );
      if (hearsUnknownActions)
        expect(error).toEqual({ code: 400, message: 'Illegal argument: toaster/start' });
      else expect(error.code).toBe(504);
      expect(await errorOf(open({ timeout: 10_000 }, 2).send('no action', {}))).toMatchObject({ code: 400 });
    });

    it('refuses what the service could not read, before it is sent', async () => {
      const client = open({ maxRequestBytes: 1_000 });
      const data = (parameters: unknown) => ({ deviceId, command: { command: 'x', parameters } });
      const codeFor = async (parameters: unknown) =>
        (await errorOf(client.send('command/insert', data(parameters)))).code;
      expect(await codeFor({ big: 12n })).toBe(400);
      expect(await codeFor({ half: '\ud800' })).toBe(400);
      expect(await codeFor({ long: 'x'.repeat(1_000) })).toBe(413);
      expect((await errorOf(client.send('command/insert', 'text'))).code).toBe(400);
      expect(await insert(client)).toHaveProperty('command.id');
    });

    it('drops a message that is no reply', async () => {
      const client = open({ timeout: 500 });
      await ask(client, 'server/info', {});
      const { proxy } = world();
      const nested = '['.repeat(20_000) + ']'.repeat(20_000);
      for (const payload of [
        '{"error":{"toString":1}}',
        '{"requestId":"it","status":"error","code":{"valueOf":1,"toString":1},"error":"x"}',
        '{"requestId":"it","status":"error","code":400,"error":{"toString":1}}',
        `{"requestId":${nested},"status":"error","code":400,"error":"x"}`,
      ]) {
        const seen = proxy.packets.length;
        proxy.rewrite = (direction, packet) =>
          direction === 'toClient' && packet.cmd === 'publish' ? { ...packet, payload } : packet;
        expect((await errorOf(client.send('server/info', { requestId: 'it' }))).code).toBe(504);
        const came = proxy.packets.slice(seen).map(({ direction, packet }) => `${direction} ${packet.cmd}`);
        expect(came).toContain('toClient publish');
      }
      proxy.rewrite = undefined;
      expect(await ask(client, 'server/info', {})).toHaveProperty('info');
    });

    it('refuses a selection that no broker takes, and goes on with all else', async () => {
      const client = open();
      const stream = watch(client);
      await stream.live();
      const seen = world().proxy.packets.length;
      for (const selection of [
        { names: ['a/'.repeat(101)] },
        { deviceId: 'x'.repeat(70_000) },
        { names: ['x'.repeat(70_000)] },
        { networkIds: ['#'] as never },
        { networkIds: ['a+'] as never },
      ]) {
        expect((await errorOf(client.events('command/insert', selection))).code).toBe(400);
      }
      expect((await errorOf(client.events('command/delete' as never))).code).toBe(400);
      // One that gets through is no fault of the connection, which would be waited for.
      const refused = client['connection'].subscribe('a+').catch(codeOf);
      expect(await refused).toBe(400);
      expect(world().proxy.packets.slice(seen)).toEqual([]);
      await insert(client);
      await stream.has(1);
    });

    it('hands numbers of 64 bits on with another JSON', async () => {
      const stringify = (value: unknown) =>
        JSON.stringify(value, (_, v: unknown) => (typeof v === 'bigint' ? `big:${v}` : v)).replaceAll(
          /"big:(\d+)"/g,
          '$1',
        );
      const parse = (text: string) =>
        JSON.parse(text.replaceAll(/:\s?(\d{16,})/g, ':"$1"')) as Record<string, unknown>;
      const client = open({ json: { parse, stringify } });
      const { command } = await insert(client, 'count', { total: 9007199254740993n });
      const stored = await ask<Command>(client, 'command/get', { deviceId, commandId: command.id });
      expect(stored.command.parameters).toEqual({ total: '9007199254740993' });
    });

    it('fails with 504 when no reply comes in time', async () => {
      const client = open({ timeout: 1_000 });
      await ask(client, 'server/info', {});
      muted();
      expect(await errorOf(client.send('server/info', {}))).toEqual({
        code: 504,
        message: 'No reply to server/info within 1000 ms, it may have been executed',
      });
    });

    it('fails with 503 while the broker is away, and works when it is back', async () => {
      const { proxy } = world();
      proxy.refuse(true);
      const client = open({ timeout: 200 });
      await expect(client.connect()).rejects.toMatchObject({
        message: expect.stringContaining('No connection'),
      });
      const { code, message } = await errorOf(client.send('server/info', {}));
      expect(code).toBe(503);
      expect(message).toMatch(/^server\/info could not be sent within 200 ms: no connection, /);
      await expect(lastValueFrom(client.emit('server/info', {}))).rejects.toThrow('could not be sent');
      client.emit('server/info', {});
      const waiting = ask(open({}, 2), 'server/info', {});
      proxy.refuse(false);
      expect(await waiting).toHaveProperty('info');
      const isBack = () =>
        ask(client, 'server/info', {})
          .then(() => true)
          .catch(() => false);
      await expect.poll(isBack, POLL).toBe(true);
    });

    it('sends again what has no reply when the connection breaks, and it has one effect', async () => {
      const client = open();
      await ask(client, 'server/info', {});
      muted();
      const replies = Promise.all(Array.from({ length: 5 }, () => insert(client, of('again'))));
      await expect.poll(async () => (await rows(of('again'))).length, POLL).toBe(5);
      world().proxy.drop = () => false;
      world().proxy.cut();
      const ids = (await replies).map(({ command }) => command.id);
      const stored = (await rows(of('again'))).map(({ id }) => Number(id));
      expect(new Set(ids)).toEqual(new Set(stored));
      expect(stored).toHaveLength(5);
    });

    it('takes a requestId of the caller, for a call that is made once more after a 504', async () => {
      const client = open({ timeout: 1_000 });
      await insert(client);
      muted();
      const data = { deviceId, command: { command: of('once more') }, requestId: 'job-1' };
      expect((await errorOf(client.send('command/insert', data))).code).toBe(504);
      world().proxy.drop = () => false;
      const { command } = await ask<Command>(client, 'command/insert', data);
      expect((await rows(of('once more'))).map(({ id }) => Number(id))).toEqual([command.id]);
    });

    it('cancels all that waits when it is closed', async () => {
      const client = open();
      const stream = watch(client);
      await stream.live();
      muted();
      const failing = ['server/info', 'device/count'].map((action) => errorOf(client.send(action, {})));
      const isLast = ({ topic, payload }: IPublishPacket) =>
        topic.startsWith('dh/request') && String(payload).includes('device/count');
      const wasSent = () =>
        world().proxy.packets.some(({ packet }) => packet.cmd === 'publish' && isLast(packet));
      await expect.poll(wasSent, POLL).toBe(true);
      await client.close();
      for (const error of await Promise.all(failing)) {
        expect(error.code).toBe(499);
        expect(error.message).toMatch(/^The client is closed, (server\/info|device\/count) has no reply/);
      }
      expect(stream.error).toMatchObject({ message: 'The client is closed' });
      await client.close();
      await expect(client.connect()).rejects.toThrow('The client is closed');
    });

    it('is closed soon on a network that says nothing', async () => {
      const client = open();
      const stream = watch(client);
      await stream.live();
      world().proxy.hold();
      try {
        const pending = errorOf(client.send('server/info', {}));
        await client.close();
        expect((await pending).code).toBe(499);
      } finally {
        world().proxy.release();
      }
    });

    it('forgets a request that nobody waits for', async () => {
      const client = open();
      await client.connect();
      const replies: unknown[] = [];
      client
        .send('server/info', {})
        .subscribe((reply) => replies.push(reply))
        .unsubscribe();
      await ask(client, 'server/info', {});
      expect(replies).toEqual([]);
      expect(client['requests']['calls'].size).toBe(0);
    });

    it('emits without waiting for the reply', async () => {
      const client = open();
      await lastValueFrom(client.emit('command/insert', { deviceId, command: { command: of('emitted') } }));
      await expect.poll(async () => (await rows(of('emitted'))).length, POLL).toBe(1);
      expect(await lastValueFrom(client.emit('command/get', { deviceId, commandId: 1e9 }))).toBeUndefined();
    });

    it('names a token supplier that fails, and asks it again for the next request', async () => {
      let isBroken = true;
      const token = () => {
        if (isBroken) throw new Error('the vault is sealed');
        return signToken();
      };
      const client = open({ token });
      expect(await errorOf(client.send('command/list', { deviceId }))).toEqual({
        code: 401,
        message: 'The token supplier failed: the vault is sealed',
      });
      isBroken = false;
      expect(await ask(client, 'command/list', { deviceId })).toHaveProperty('commands');
    });

    it('gives a token supplier as long as a request', async () => {
      const client = open({ timeout: 200, token: () => new Promise<string>(() => {}) });
      const { message } = await errorOf(client.send('command/list', { deviceId }));
      expect(message).toMatch(/token supplier/);
    });

    it('asks for a new token before the old one expires, and once for all who wait', async () => {
      let calls = 0;
      const lasting = 1_000;
      const client = open({
        token: async () => (calls++, signToken({ e: Date.now() + lasting })),
      });
      const several = () =>
        Promise.all(Array.from({ length: 10 }, () => ask(client, 'command/list', { deviceId, take: 1 })));
      await several();
      expect(calls).toBe(1);
      await expect.poll(() => several().then(() => calls), { interval: 100, timeout: 5_000 }).toBe(3);
    });

    it('asks for a new token after a 401, once', async () => {
      const tokens = ['rubbish', signToken()];
      const client = open({ token: () => tokens.shift()! });
      expect(await ask(client, 'command/list', { deviceId })).toHaveProperty('commands');
      let calls = 0;
      const hopeless = open({ token: () => `rubbish${calls++}` }, 2);
      expect(await errorOf(hopeless.send('command/list', { deviceId }))).toEqual({
        code: 401,
        message: 'Invalid credentials',
      });
      expect(calls).toBe(2);
    });

    it('lets the token supplier ask the service itself', async () => {
      const client: DeviceHiveClient = open({
        token: async () => {
          const data = { login: 'dhadmin', password: 'dhadmin_#911' };
          return (await ask<{ accessToken: string }>(client, 'token', data)).accessToken;
        },
      });
      const lists = Array.from({ length: 100 }, () => ask(client, 'command/list', { deviceId, take: 1 }));
      expect(await Promise.all(lists)).toHaveLength(100);
    });

    it('streams events, also after a reconnect', async () => {
      const client = open();
      const stream = watch(client);
      await stream.live();
      const first = await insert(client, 'first');
      await stream.has(1);
      expect(stream.events[0]).toMatchObject({ id: first.command.id, command: 'first', deviceId });
      world().proxy.cut();
      await stream.live(2);
      await insert(client, 'second');
      await expect.poll(() => stream.events.map(({ command }) => command), POLL).toContain('second');
    });

    it('streams what was selected, to each who asked', async () => {
      const client = open();
      const [all, some, other] = [watch(client), watch(client, 'a/1', 'b+#%@'), watch(client, 'a')];
      await Promise.all([all.live(), some.live(), other.live()]);
      for (const name of ['a/1', 'b+#%@', 'a/1/2', 'a']) await insert(client, name);
      const names = (stream: Watch<DeviceCommand>) => [
        ...new Set(stream.events.map(({ command }) => command)),
      ];
      await expect.poll(() => names(all), POLL).toEqual(['a/1', 'b+#%@', 'a/1/2', 'a']);
      await expect.poll(() => names(other), POLL).toEqual(['a']);
      expect(names(some)).toEqual(['a/1', 'b+#%@']);
    });

    it('streams many selections at once', async () => {
      const client = open();
      const names = Array.from({ length: 200 }, (_, i) => `${of('name')} ${i}`);
      const streams = [watch(client, ...names), watch(client, names[199]!)];
      await Promise.all(streams.map((stream) => stream.live()));
      await insert(client, names[199]);
      for (const stream of streams) expect(await stream.has(1)).toMatchObject([{ command: names[199] }]);
    });

    it('streams updates with their results', async () => {
      const client = open();
      const stream = Watch.of((live) => client.events('command/update', { deviceId }, live));
      watches.push(stream.subscription);
      await stream.live();
      const { command } = await insert(client);
      const update = { status: 'done', result: { lit: true } };
      await ask(client, 'command/update', { deviceId, commandId: command.id, command: update });
      await stream.has(1);
      expect(stream.events[0]).toMatchObject({ id: command.id, ...update });
    });

    it('shares a subscription, and ends it with the last who watches', async () => {
      const client = open();
      const ends = () => world().proxy.packets.filter(({ packet }) => packet.cmd === 'unsubscribe').length;
      const before = ends();
      const [one, two] = [watch(client), watch(client)];
      await Promise.all([one.live(), two.live()]);
      one.subscription.unsubscribe();
      await insert(client, 'shared');
      await two.has(1);
      expect(one.events).toEqual([]);
      expect(ends()).toBe(before);
      two.subscription.unsubscribe();
      await insert(client, 'to nobody');
      expect(ends()).toBe(before + 1);
      expect(two.events.map(({ command }) => command)).toEqual(['shared']);
    });

    it('subscribes again after the end of the subscription before', async () => {
      const client = open();
      const { packets } = world().proxy;
      const seen = packets.length;
      let stream = watch(client, 'again');
      for (let times = 0; times < 20; times++) {
        await stream.live();
        stream.subscription.unsubscribe();
        watch(client, 'again').subscription.unsubscribe();
        stream = watch(client, 'again');
      }
      await stream.live();
      await insert(client, 'again');
      await stream.has(1);
      let waiting = 0;
      for (const { packet } of packets.slice(seen)) {
        if (packet.cmd === 'unsubscribe') waiting++;
        if (packet.cmd === 'unsuback') waiting--;
        if (packet.cmd === 'subscribe' && packet.subscriptions[0]?.topic.endsWith('/again')) {
          expect(waiting).toBe(0);
        }
      }
    });

    it('keeps the replies and events of two clients apart', async () => {
      const [one, two] = [open(), open({}, 2)];
      const [first, second] = [watch(one), watch(two)];
      await Promise.all([first.live(), second.live()]);
      const results = await Promise.all([insert(one, 'from one'), insert(two, 'from two')]);
      expect(new Set(results.map(({ command }) => command.id)).size).toBe(2);
      expect(await first.has(2)).toEqual(await second.has(2));
    });

    it('tells its state', async () => {
      const client = open();
      const states: string[] = [];
      const seen = client.status.subscribe((state) => states.push(state));
      const connects: unknown[] = [];
      client.on('connect', (connack: unknown) => connects.push(connack));
      await client.connect();
      world().proxy.cut();
      await expect.poll(() => connects.length, POLL).toBe(2);
      await client.close();
      seen.unsubscribe();
      expect(states).toEqual(['connected', 'disconnected', 'reconnecting', 'connected', 'closed']);
      expect(client.unwrap()).toHaveProperty('options.clientId');
    });

    it('gets each of 1,000 requests answered across three cuts, each with one effect', async () => {
      const client = open({ timeout: 30_000 });
      await client.connect();
      let answered = 0;
      const cuts = [100, 400, 700];
      const replies = Array.from({ length: 1_000 }, async (_, i) => {
        const { command } = await insert(client, of('load'), { i });
        if (++answered >= cuts[0]!) {
          cuts.shift();
          world().proxy.cut();
        }
        return command.id;
      });
      const ids = await Promise.all(replies);
      expect(cuts).toEqual([]);
      expect(new Set(ids).size).toBe(1_000);
      expect((await rows(of('load'))).length).toBe(1_000);
      expect(client['requests']['calls'].size).toBe(0);
      expect(client['requests']['unacknowledged'].size).toBe(0);
    });
  });
}
