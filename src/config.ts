import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ApiOptions } from './api-description/api.options.js';
import type { CommandOptions } from './actions/command/command.options.js';
import type { AuthOptions } from './auth/auth.options.js';
import { decodeSecret, STRONG_SECRET_BYTES } from './auth/jwt-secret.js';
import { readOrCreateSecret } from './auth/secret-file.js';
import type { BrokerOptions } from './broker/broker.options.js';
import type { DatabaseOptions } from './database/database.options.js';
import type { ExternalBrokerOptions } from './external-broker/external-broker.options.js';
import { DEFAULT_CLIENT_ID, type Environment, readEnvironment, type Variables } from './environment.js';
import type { RetentionOptions } from './retention/retention.options.js';
import type { TransportOptions } from './transport/transport.options.js';

/** The whole configuration, checked; each part goes to the module that needs it. */
export abstract class Config {
  abstract logLevel: string;
  abstract http: { host: string; port: number; mayChangePort: boolean };
  abstract database: DatabaseOptions;
  abstract broker: BrokerOptions;
  /** a broker of one's own, instead of the built-in one */
  abstract external?: ExternalBrokerOptions;
  abstract transport: Omit<TransportOptions, 'ownActions'>;
  abstract auth: AuthOptions;
  abstract command: CommandOptions;
  abstract api: ApiOptions;
  abstract retention: RetentionOptions;
  /** in which a repeated request is recognised */
  abstract replaySeconds: number;
  /** said once at the start */
  abstract warnings: string[];
}

/**
 * Reads the environment once. The README explains the variables, `environment.ts` checks them.
 * @throws an error whose message names the variable and says what would be right
 */
export function loadConfig(env: Variables): Config {
  const e = readEnvironment(env);
  const tryIt = e.DATABASE_URL === undefined;
  const warnings = withoutEffect(env);
  const external = externalBrokerOptions(e);
  return {
    logLevel: e.LOG_LEVEL,
    http: { host: e.HTTP_HOST, port: e.HTTP_PORT ?? 3000, mayChangePort: tryIt && e.HTTP_PORT === undefined },
    database: databaseOptions(e),
    broker: {
      host: e.MQTT_HOST,
      port: e.MQTT_PORT ?? 1883,
      mayChangePort: tryIt && e.MQTT_PORT === undefined,
      ordinaryTopics: e.ORDINARY_TOPICS,
      maxRequestBytes: e.MAX_REQUEST_BYTES,
      serviceClientId: e.MQTT_CLIENT_ID,
      dataDir: resolve(e.DATA_DIR),
    },
    external,
    transport: {
      maxRequestBytes: e.MAX_REQUEST_BYTES,
      maxInFlight: e.MAX_IN_FLIGHT,
      deadlineMs: e.REQUEST_DEADLINE_MS,
      actionTimeoutMs: e.ACTION_TIMEOUT_MS,
      runFile: join(resolve(e.DATA_DIR), runFileName(`${external?.url ?? ''} ${e.MQTT_CLIENT_ID}`)),
    },
    auth: { secret: secretOf(e, warnings), identityProvider: identityProviderOf(e) },
    command: { updateFields: e.COMMAND_UPDATE_FIELDS, deadlineMs: e.REQUEST_DEADLINE_MS },
    api: {
      isExternal: e.MQTT_URL !== undefined,
      clientIdInTopic: e.MQTT_URL !== undefined && e.CLIENT_ID_SOURCE === 'topic',
      maxRequestBytes: e.MAX_REQUEST_BYTES,
    },
    retention: { days: e.COMMAND_RETENTION_DAYS, vacuums: e.DATABASE_URL === undefined },
    replaySeconds: e.REQUEST_REPLAY_WINDOW,
    warnings,
  };
}

/** For scripts that only touch the database: no secret, no ports. */
export function loadDatabaseOptions(env: Variables): DatabaseOptions {
  return databaseOptions(readEnvironment(env));
}

/** Replicas that share a session share the file; other services with this DATA_DIR have their own. */
function runFileName(session: string): string {
  return `run-${createHash('sha256').update(session).digest('hex').slice(0, 16)}.json`;
}

function databaseOptions(e: Environment): DatabaseOptions {
  const { ADMIN_LOGIN: login, ADMIN_PASSWORD: password } = e;
  if (login && !password) throw new Error('ADMIN_PASSWORD is missing: ADMIN_LOGIN is set');
  if (password && !login) throw new Error('ADMIN_LOGIN is missing: ADMIN_PASSWORD is set');
  return {
    url: e.DATABASE_URL,
    dataDir: resolve(e.DATA_DIR),
    poolSize: e.DATABASE_POOL_SIZE,
    deadlineMs: e.REQUEST_DEADLINE_MS,
    seedSampleData: e.SEED_SAMPLE_DATA ?? e.DATABASE_URL === undefined,
    sampleLogin: sampleLoginOf(e),
    admin: login && password ? { login, password } : undefined,
  };
}

/** The rows of a server, which other machines reach, may be those of a DeviceHive, where the login is usual. */
function sampleLoginOf(e: Environment): DatabaseOptions['sampleLogin'] {
  if (e.DATABASE_URL) return 'warn';
  if (isPrivate(e)) return 'accept';
  return e.ALLOW_SAMPLE_LOGIN ? 'warn' : 'refuse';
}

function externalBrokerOptions(e: Environment): ExternalBrokerOptions | undefined {
  if (!e.MQTT_URL) return undefined;
  const url = new URL(e.MQTT_URL);
  const credentials = credentialsOf(e, url);
  if (url.hostname === '') throw new Error('MQTT_URL must name a host');
  if (e.MQTT_SHARED_GROUP && e.MQTT_CLIENT_ID === DEFAULT_CLIENT_ID) {
    throw new Error('MQTT_CLIENT_ID is missing: in a group each replica needs one of its own');
  }
  return {
    url: `${url.protocol}//${url.hostname}:${url.port || (url.protocol === 'mqtts:' ? 8883 : 1883)}`,
    clientId: e.MQTT_CLIENT_ID,
    ...credentials,
    ca: e.MQTT_CA_FILE === undefined ? undefined : readCertificates(e.MQTT_CA_FILE),
    sharedGroup: e.MQTT_SHARED_GROUP,
    clientIdProperty: /^property:(.+)$/.exec(e.CLIENT_ID_SOURCE)?.[1],
    maxInFlight: e.MAX_IN_FLIGHT,
    maxRequestBytes: e.MAX_REQUEST_BYTES,
  };
}

/** From the variables, or from the URL. */
function credentialsOf(e: Environment, url: URL): { username?: string; password?: string } {
  const username = e.MQTT_USERNAME ?? (decodeURIComponent(url.username) || undefined);
  const password = e.MQTT_PASSWORD ?? (decodeURIComponent(url.password) || undefined);
  // MQTT 3.1.1 has no password without a user name, and MQTT.js sends nothing at all then.
  if (password && !username) throw new Error('MQTT_USERNAME is missing: MQTT_PASSWORD is set');
  return { username, password };
}

const ONLY_WITH_MQTT_URL = [
  'MQTT_USERNAME',
  'MQTT_PASSWORD',
  'MQTT_CA_FILE',
  'MQTT_SHARED_GROUP',
  'CLIENT_ID_SOURCE',
] as const;

function withoutEffect(env: Variables): string[] {
  if (env.MQTT_URL) return [];
  return ONLY_WITH_MQTT_URL.filter((name) => env[name]).map(
    (name) => `${name} has no effect without MQTT_URL`,
  );
}

function readCertificates(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new Error(`MQTT_CA_FILE cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** Whether nobody beyond this machine reaches the service. Who reaches a broker of one's own it cannot know. */
function isPrivate(e: Environment): boolean {
  return !e.MQTT_URL && isLoopback(e.MQTT_HOST);
}

function secretOf(e: Environment, warnings: string[]): Uint8Array {
  if (!e.JWT_SECRET && e.DATABASE_URL) {
    throw new Error(
      'JWT_SECRET is missing: set the secret of your DeviceHive, or one from "openssl rand -base64 48"',
    );
  }
  const secret = decodeSecret(e.JWT_SECRET ?? readOrCreateSecret(resolve(e.DATA_DIR)));
  if (secret.length === 0) {
    throw new Error(
      'JWT_SECRET decodes to nothing: it is read as Base64 and needs at least four characters of it',
    );
  }
  if (secret.length >= STRONG_SECRET_BYTES) return secret;
  const problem = `JWT_SECRET is weak: ${secret.length} bytes when decoded as Base64, ${STRONG_SECRET_BYTES} are safe`;
  if (!isPrivate(e) && !e.JWT_ALLOW_WEAK_SECRET) {
    throw new Error(`${problem}. Beyond loopback set a longer one, or JWT_ALLOW_WEAK_SECRET=true`);
  }
  warnings.push(problem);
  return secret;
}

function identityProviderOf(e: Environment): AuthOptions['identityProvider'] {
  const { JWT_JWKS_URL: jwksUrl, JWT_PUBLIC_KEY: publicKey, JWT_ISSUER: issuer, JWT_AUDIENCE: audience } = e;
  if (!jwksUrl && !publicKey) return undefined;
  if (jwksUrl && publicKey) throw new Error('JWT_JWKS_URL and JWT_PUBLIC_KEY exclude each other: set one');
  if (!issuer) throw new Error('JWT_ISSUER is missing: it is mandatory with an identity provider');
  if (!audience) throw new Error('JWT_AUDIENCE is missing: it is mandatory with an identity provider');
  const key = publicKey ? parsePublicKey(publicKey) : undefined;
  return { jwksUrl: jwksUrl ? new URL(jwksUrl) : undefined, publicKey: key, issuer, audience };
}

function parsePublicKey(pem: string): KeyObject {
  try {
    return createPublicKey(pem);
  } catch (error) {
    throw new Error('JWT_PUBLIC_KEY must be a public key in PEM (SPKI): it cannot be read', { cause: error });
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host);
}
