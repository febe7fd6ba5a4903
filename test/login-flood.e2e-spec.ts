import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import mqttPacket, { type IConnackPacket } from 'mqtt-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestClient } from './support/client.js';
import { ADMIN, TestService } from './support/service.js';

const [ACCEPTED, UNAVAILABLE, NOT_AUTHORIZED] = [0, 3, 5];
const ATTACKERS = 300;
/** 20 to 200 ms on a quiet machine; other tests share this one. */
const AT_ONCE_MS = 3_000;
const GUESSING_MS = 5_000;
/** Sixteen at a time, each of which waits for up to 5 s. */
const MAX_GUESSES = 64;
/** Up to 300 hashes are still waited for at the end. */
const timeout = 600_000;

interface Credentials {
  username: string;
  password: string;
}

let service: TestService;
let elsewhere: TestClient;

beforeAll(async () => {
  service = await TestService.start({ MQTT_HOST: '127.0.0.1' });
  elsewhere = await service.connect();
});
afterAll(() => service?.stop());

function writeConnect(socket: Socket, { username, password }: Credentials): void {
  mqttPacket.writeToStream(
    {
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: 4,
      clean: true,
      clientId: `flood-${Math.random()}`,
      keepalive: 0,
      username,
      password: Buffer.from(password),
    },
    socket,
  );
}

/** @returns the code of CONNACK; `undefined` if the connection ends without one */
async function connack(
  from: string,
  credentials: Credentials,
  { mqttUrl } = service,
): Promise<number | undefined> {
  const { hostname, port } = new URL(mqttUrl);
  const socket = connect({ host: hostname, port: Number(port), localAddress: from });
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  let returnCode: number | undefined;
  parser.on('packet', (packet) => {
    returnCode = (packet as IConnackPacket).returnCode;
    socket.destroy();
  });
  socket.on('data', (data) => parser.parse(data));
  socket.on('error', () => undefined);
  writeConnect(socket, credentials);
  await new Promise((resolve) => socket.once('close', resolve));
  return returnCode;
}

/** Each attacker has one wrong CONNECT pending, and another one half a second after it is answered. */
class Flood {
  private readonly answers: (number | undefined)[] = [];
  private readonly attackers: Promise<void>[];
  private isOver = false;

  constructor(from: (attacker: number) => string) {
    this.attackers = Array.from({ length: ATTACKERS }, (_, i) => this.attack(from(i), `guessed-${i}`));
  }

  answered(code: number): number {
    return this.answers.filter((answer) => answer === code).length;
  }

  /** What is pending is still answered: its hashes would keep the next test waiting. */
  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(this.attackers);
  }

  private async attack(from: string, username: string): Promise<void> {
    while (!this.isOver) {
      this.answers.push(await connack(from, { username, password: 'wrong' }));
      await delay(500);
    }
  }
}

async function addUser(login: string): Promise<Credentials> {
  await service.sql(
    `INSERT INTO dh_user (login, password_hash, role)
     SELECT $1, password_hash, 1 FROM dh_user WHERE login = $2`,
    [login, ADMIN.username],
  );
  return { username: login, password: ADMIN.password };
}

/** How long each takes, all at once. */
async function logIn(sharedAddress: string, known: Credentials): Promise<Record<string, number>> {
  const took: Record<string, number> = {};
  const time = async (name: string, login: Promise<unknown>) => {
    const start = performance.now();
    const result = await login;
    took[name] = performance.now() - start;
    return result;
  };
  const results = await Promise.all([
    time('the same address', connack(sharedAddress, known)),
    time('elsewhere', connack('127.0.0.1', ADMIN)),
    time('token', elsewhere.request('token', { login: ADMIN.username, password: ADMIN.password })),
  ]);
  expect(results).toMatchObject([ACCEPTED, ACCEPTED, { status: 'success' }]);
  return took;
}

async function expectLoginsAtOnce(sharedAddress: string, known: Credentials): Promise<void> {
  for (let round = 0; round < 3; round++) {
    const took = await logIn(sharedAddress, known);
    for (const ms of Object.values(took)) expect(ms).toBeLessThan(AT_ONCE_MS);
  }
}

describe('a flood of wrong passwords', () => {
  it('from one address keeps no known login out, and its guesses are few', { timeout }, async () => {
    const address = '127.0.1.1';
    const known = await addUser('known-at-one');
    expect(await connack(address, known)).toBe(ACCEPTED);
    const guesses = Array.from({ length: 40 }, (_, i) => ({ username: `guessed-${i}`, password: 'wrong' }));
    await Promise.all(guesses.map((guess) => connack(address, guess)));
    const flood = new Flood(() => address);
    await expect.poll(() => flood.answered(UNAVAILABLE), { timeout: 30_000 }).toBeGreaterThan(ATTACKERS);
    const before = flood.answered(NOT_AUTHORIZED);
    await Promise.all([expectLoginsAtOnce(address, known), delay(GUESSING_MS)]);
    expect(flood.answered(NOT_AUTHORIZED) - before).toBeLessThan(MAX_GUESSES);
    await flood.stop();
  });

  it('from 300 addresses keeps no known login out', { timeout }, async () => {
    const from = (attacker: number) => `127.0.${2 + Math.floor(attacker / 250)}.${1 + (attacker % 250)}`;
    const known = await addUser('known-at-many');
    expect(await connack(from(7), known)).toBe(ACCEPTED);
    const flood = new Flood(from);
    await expect.poll(() => flood.answered(NOT_AUTHORIZED), { timeout: 60_000 }).toBeGreaterThan(5);
    await expectLoginsAtOnce(from(7), known);
    await flood.stop();
  });

  it('whose clients leave at once keeps no unknown login of their address waiting', { timeout }, async () => {
    const address = '127.0.4.1';
    const { hostname: host, port } = new URL(service.mqttUrl);
    const leavers = Array.from({ length: 600 }, async (_, i) => {
      const socket = connect({ host, port: Number(port), localAddress: address });
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      writeConnect(socket, { username: `left-${i}`, password: 'wrong' });
      await new Promise<void>((resolve) => socket.end(resolve));
      socket.destroy();
    });
    await Promise.all(leavers);
    const start = performance.now();
    expect(await connack(address, await addUser('unknown-there'))).toBe(ACCEPTED);
    expect(performance.now() - start).toBeLessThan(AT_ONCE_MS);
  });

  it('keeps no stop waiting, and is answered that the service is unavailable', { timeout }, async () => {
    const stopping = await TestService.start({ MQTT_HOST: '127.0.0.1' });
    const answers = Array.from({ length: ATTACKERS }, (_, i) =>
      connack('127.0.5.1', { username: `waits-${i}`, password: 'wrong' }, stopping),
    );
    await Promise.race(answers);
    const start = performance.now();
    await stopping.stop();
    expect(performance.now() - start).toBeLessThan(AT_ONCE_MS);
    const codes = await Promise.all(answers);
    expect(codes.filter((code) => code === UNAVAILABLE).length).toBeGreaterThan(ATTACKERS / 2);
    expect(stopping.logger.lines.filter((line) => line.includes('TypeORM'))).toEqual([]);
  });
});
