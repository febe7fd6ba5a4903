import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { decodeSecret } from '../../src/auth/jwt-secret.js';
import { WATCHER } from '../generator/job.js';
import { Child } from './child.js';
import type { Cleanup } from './cleanup.js';
import type { Database } from './database.js';
import { type Broker, startMosquitto } from './mosquitto.js';

const JWT_SECRET = Buffer.alloc(48, 'only for benchmarks').toString('base64');
const DIST = join(import.meta.dirname, '../..');

/** What is measured: a process that answers `command/update`. */
export interface Subject {
  name: string;
  /** where clients connect */
  url: string;
  process: Child;
  /** the broker's process, where it is another one */
  broker?: Broker;
  database?: Database;
}

/** An administrator's access token, for a day. */
export function signToken(): Promise<string> {
  const payload = { u: 1, a: [0], n: ['*'], dt: ['*'], e: Date.now() + 86_400_000, t: 1 };
  return new SignJWT({ payload }).setProtectedHeader({ alg: 'HS256' }).sign(decodeSecret(JWT_SECRET));
}

export async function startEcho(cleanup: Cleanup): Promise<Subject> {
  const broker = await startMosquitto(cleanup);
  const process = Child.startNode(cleanup, join(DIST, 'bench/echo.js'), { MQTT_URL: broker.url });
  await process.wrote(/ready/);
  return { name: 'echo', url: broker.url, process, broker };
}

export async function startTextbook(cleanup: Cleanup, database: Database): Promise<Subject> {
  const broker = await startMosquitto(cleanup);
  const env = { MQTT_URL: broker.url, DATABASE_URL: database.url, JWT_SECRET };
  const process = Child.startNode(cleanup, join(DIST, 'bench/textbook/main.js'), env);
  await process.wrote(/ready/);
  return { name: 'textbook', url: broker.url, process, broker, database };
}

/** This service, on the built-in broker unless one is given. It starts as a standby where another one leads. */
export async function startService(
  cleanup: Cleanup,
  database: Database,
  broker?: Broker,
  nodeOptions?: string[],
): Promise<Subject> {
  const env = { DATABASE_URL: database.url, ...(broker && { MQTT_URL: broker.url }) };
  const name = broker ? 'ours on Mosquitto' : 'ours, built-in broker';
  return { name, ...(await startOurs(cleanup, env, nodeOptions)), broker, database };
}

/** This service as it is without any variables: embedded database, built-in broker. The administrator is the first user. */
export async function startEmbedded(cleanup: Cleanup): Promise<Subject> {
  const env = { ADMIN_LOGIN: WATCHER.username, ADMIN_PASSWORD: WATCHER.password };
  return { name: 'ours, embedded database', ...(await startOurs(cleanup, env)) };
}

async function startOurs(
  cleanup: Cleanup,
  variables: Record<string, string>,
  nodeOptions?: string[],
): Promise<Pick<Subject, 'url' | 'process'>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'devicehive-bench-'));
  cleanup.defer(() => rm(dataDir, { recursive: true, force: true }));
  const env = { DATA_DIR: dataDir, JWT_SECRET, MQTT_PORT: '0', HTTP_PORT: '0', ...variables };
  const process = Child.startNode(cleanup, join(DIST, 'src/main.js'), env, nodeOptions);
  const [, url] = await process.wrote(/ready (mqtt:\S+)/);
  return { url: url!, process };
}
