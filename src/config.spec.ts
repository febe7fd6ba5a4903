import 'reflect-metadata';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from './config.js';

const STRONG = Buffer.alloc(32, 7).toString('base64');
const DATABASE_URL = 'postgres://me:hidden@db/dh';
const PEM = generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'pem' }) as string;

/** A start with a secret of its own, so that no file is written. */
const load = (env: NodeJS.ProcessEnv) => loadConfig({ JWT_SECRET: STRONG, ...env });

describe('loadConfig', () => {
  it('starts the try-it shape on loopback with sample data, and may take other ports', () => {
    expect(load({})).toEqual({
      logLevel: 'info',
      http: { host: '127.0.0.1', port: 3000, mayChangePort: true },
      database: {
        url: undefined,
        dataDir: resolve('.data'),
        poolSize: 8,
        deadlineMs: 10_000,
        seedSampleData: true,
        sampleLogin: 'accept',
        admin: undefined,
      },
      broker: {
        host: '127.0.0.1',
        port: 1883,
        mayChangePort: true,
        ordinaryTopics: 'authenticated',
        maxRequestBytes: 1_048_576,
        serviceClientId: 'devicehive',
        dataDir: resolve('.data'),
      },
      transport: {
        maxRequestBytes: 1_048_576,
        maxInFlight: 1024,
        deadlineMs: 10_000,
        actionTimeoutMs: 30_000,
        runFile: expect.stringContaining(resolve('.data/run-')),
      },
      auth: { secret: new Uint8Array(32).fill(7), identityProvider: undefined },
      command: {
        updateFields: ['command', 'timestamp', 'parameters', 'lifetime', 'status', 'result'],
        deadlineMs: 10_000,
      },
      api: { isExternal: false, clientIdInTopic: false, maxRequestBytes: 1_048_576 },
      retention: { days: undefined, vacuums: true },
      replaySeconds: 600,
      warnings: [],
    });
  });

  it('starts on a real database without sample data, and takes no other port', () => {
    expect(load({ DATABASE_URL })).toMatchObject({
      http: { port: 3000, mayChangePort: false },
      broker: { port: 1883, mayChangePort: false },
      database: { url: DATABASE_URL, seedSampleData: false },
    });
    expect(load({ DATABASE_URL, SEED_SAMPLE_DATA: 'true' }).database.seedSampleData).toBe(true);
  });

  it('names one file for the replicas of a session, and others for other sessions', () => {
    const MQTT_URL = 'mqtt://broker.example';
    const runFileOf = (env: NodeJS.ProcessEnv) => load({ DATABASE_URL, ...env }).transport.runFile;
    const first = runFileOf({ MQTT_URL, DATA_DIR: '/data' });
    expect(first).toMatch(/^\/data\/run-[0-9a-f]{16}\.json$/);
    expect(runFileOf({ MQTT_URL, DATA_DIR: '/data', HTTP_PORT: '0' })).toBe(first);
    expect(runFileOf({ MQTT_URL, DATA_DIR: '/data', MQTT_CLIENT_ID: 'a' })).not.toBe(first);
    expect(runFileOf({ MQTT_URL: 'mqtt://other.example', DATA_DIR: '/data' })).not.toBe(first);
    expect(runFileOf({ DATA_DIR: '/data' })).not.toBe(first);
  });

  it('takes no other port where one was asked for', () => {
    expect(load({ MQTT_PORT: '1883', HTTP_PORT: '0' })).toMatchObject({
      http: { port: 0, mayChangePort: false },
      broker: { port: 1883, mayChangePort: false },
    });
  });

  it('tells the API description how clients reach an external broker', () => {
    const MQTT_URL = 'mqtt://broker';
    expect(load({ MQTT_URL }).api).toMatchObject({ isExternal: true, clientIdInTopic: true });
    expect(load({ MQTT_URL, CLIENT_ID_SOURCE: 'property:x' }).api.clientIdInTopic).toBe(false);
  });

  it('takes an external broker with its credentials, from variables or from the URL', () => {
    expect(load({}).external).toBeUndefined();
    expect(load({ MQTT_URL: 'mqtt://me:p%40ss@broker' }).external).toMatchObject({
      url: 'mqtt://broker:1883',
      clientId: 'devicehive',
      username: 'me',
      password: 'p@ss',
      clientIdProperty: undefined,
    });
    const variables = { MQTT_USERNAME: 'you', MQTT_PASSWORD: 'x', CLIENT_ID_SOURCE: 'property:client' };
    expect(load({ MQTT_URL: 'mqtts://me:p@broker', ...variables }).external).toMatchObject({
      url: 'mqtts://broker:8883',
      username: 'you',
      password: 'x',
      clientIdProperty: 'client',
    });
  });

  it('wants a client id for each member of a group', () => {
    const group = { MQTT_URL: 'mqtt://broker', MQTT_SHARED_GROUP: 'dh' };
    expect(() => load(group)).toThrow(
      /^MQTT_CLIENT_ID is missing: in a group each replica needs one of its own$/,
    );
    expect(load({ ...group, MQTT_CLIENT_ID: 'one' }).external).toMatchObject({
      sharedGroup: 'dh',
      clientId: 'one',
    });
  });

  it('names the file of certificates that cannot be read', () => {
    expect(() => load({ MQTT_URL: 'mqtts://broker', MQTT_CA_FILE: '/no/such/file' })).toThrow(
      /^MQTT_CA_FILE cannot be read: .*\/no\/such\/file/,
    );
  });

  it.each(['mqtt://broker', 'mqtt://127.0.0.1'])(
    'takes no weak secret with the broker %s: who reaches that is not known',
    (MQTT_URL) => {
      expect(() => load({ MQTT_URL, JWT_SECRET: 'devicehive' })).toThrow(/^JWT_SECRET is weak/);
    },
  );

  it.each([
    [
      { MQTT_URL: 'mqtt://me:100%pass@broker' },
      /^MQTT_URL must have a user, password and path that are percent-encoded$/,
    ],
    [{ DATABASE_URL: 'postgres://me:100%@db/dh' }, /^DATABASE_URL must have a user, password and path/],
    [{ MQTT_URL: 'mqtt://' }, /^MQTT_URL must name a host/],
    [{ MQTT_URL: 'mqtt://broker', MQTT_PASSWORD: 'x' }, /^MQTT_USERNAME is missing: MQTT_PASSWORD is set/],
  ])('names what is wrong in %j', (env, message) => {
    expect(() => load(env)).toThrow(message);
  });

  it('warns of what has no effect without a broker', () => {
    expect(load({ MQTT_SHARED_GROUP: 'x', CLIENT_ID_SOURCE: 'topic' }).warnings).toEqual([
      'MQTT_SHARED_GROUP has no effect without MQTT_URL',
      'CLIENT_ID_SOURCE has no effect without MQTT_URL',
    ]);
  });

  it.each([
    ['accepts', {}, 'accept'],
    ['accepts', { HTTP_HOST: '0.0.0.0' }, 'accept'],
    ['refuses', { MQTT_HOST: '0.0.0.0' }, 'refuse'],
    ['refuses', { MQTT_HOST: '0.0.0.0', SEED_SAMPLE_DATA: 'false' }, 'refuse'],
    ['refuses', { MQTT_URL: 'mqtt://127.0.0.1' }, 'refuse'],
    ['warns of', { MQTT_HOST: '0.0.0.0', ALLOW_SAMPLE_LOGIN: 'true' }, 'warn'],
    ['warns of', { DATABASE_URL }, 'warn'],
    ['warns of', { DATABASE_URL, MQTT_HOST: '0.0.0.0' }, 'warn'],
  ])('%s the sample login with %j', (_, env, sampleLogin) => {
    expect(load(env).database).toMatchObject({ sampleLogin });
  });

  it('takes an administrator with login and password only', () => {
    const admin = { ADMIN_LOGIN: 'ann', ADMIN_PASSWORD: 'hidden' };
    expect(load(admin).database.admin).toEqual({ login: 'ann', password: 'hidden' });
    expect(() => load({ ...admin, ADMIN_PASSWORD: '' })).toThrow(/^ADMIN_PASSWORD is missing/);
    expect(() => load({ ...admin, ADMIN_LOGIN: '' })).toThrow(
      new Error('ADMIN_LOGIN is missing: ADMIN_PASSWORD is set'),
    );
  });
});

describe('JWT_SECRET', () => {
  const WEAK = 'devicehive';
  const warning = 'JWT_SECRET is weak: 6 bytes when decoded as Base64, 32 are safe';

  it.each(['127.0.0.1', '127.1.2.3', 'localhost', '::1'])(
    'may be weak on %s, with a warning',
    (MQTT_HOST) => {
      expect(load({ JWT_SECRET: WEAK, MQTT_HOST }).warnings).toEqual([warning]);
    },
  );

  it.each(['0.0.0.0', '::', '192.0.2.1', '127.0.0.1.example.com', '1127.0.0.1'])(
    'may not be weak on %s unless that is allowed',
    (MQTT_HOST) => {
      expect(() => load({ JWT_SECRET: WEAK, MQTT_HOST })).toThrow(
        new Error(`${warning}. Beyond loopback set a longer one, or JWT_ALLOW_WEAK_SECRET=true`),
      );
      const allowed = load({ JWT_SECRET: WEAK, MQTT_HOST, JWT_ALLOW_WEAK_SECRET: 'true' });
      expect(allowed.warnings).toEqual([warning]);
      expect(allowed.auth.secret).toHaveLength(6);
    },
  );

  it('is strong with 32 bytes, anywhere', () => {
    expect(load({ MQTT_HOST: '0.0.0.0' }).warnings).toEqual([]);
    const short = Buffer.alloc(31).toString('base64');
    expect(load({ JWT_SECRET: short }).warnings).toHaveLength(1);
  });

  it.each(['abc', '!!!!'])(
    'that decodes to nothing (%s) stops the start, even where weak ones are allowed',
    (secret) => {
      const start = () => load({ JWT_SECRET: secret, JWT_ALLOW_WEAK_SECRET: 'true' });
      expect(start).toThrow(/^JWT_SECRET decodes to nothing/);
      expect(start).not.toThrow(secret);
    },
  );

  it('is missing on a real database', () => {
    const start = () => loadConfig({ DATABASE_URL, JWT_SECRET: '' });
    expect(start).toThrow(/^JWT_SECRET is missing/);
    expect(start).not.toThrow('hidden');
  });

  describe('of the embedded shape', () => {
    let parent: string;
    beforeEach(() => (parent = mkdtempSync(join(tmpdir(), 'devicehive-config-'))));
    afterEach(() => rmSync(parent, { recursive: true, force: true }));

    it('is made at the first start and stays', () => {
      const DATA_DIR = join(parent, 'data');
      const first = loadConfig({ DATA_DIR });
      expect(first.auth.secret).toHaveLength(48);
      expect(first.warnings).toEqual([]);
      expect(statSync(DATA_DIR).mode & 0o777).toBe(0o700);
      expect(statSync(join(DATA_DIR, 'jwt-secret')).mode & 0o777).toBe(0o600);
      expect(loadConfig({ DATA_DIR }).auth.secret).toEqual(first.auth.secret);
      expect(loadConfig({ DATA_DIR: join(parent, 'other') }).auth.secret).not.toEqual(first.auth.secret);
      expect(readFileSync(join(DATA_DIR, 'jwt-secret'), 'utf8')).toBe(
        Buffer.from(first.auth.secret).toString('base64'),
      );
    });

    it.each(['/dev/null/data', '/proc/data/here'])('is refused in %s, naming the variable', (DATA_DIR) => {
      expect(() => loadConfig({ DATA_DIR })).toThrow(
        /^DATA_DIR cannot be written: (E|\/dev\/null is not a folder)/,
      );
    });
  });
});

describe('an identity provider', () => {
  const provider = { JWT_ISSUER: 'https://id.example.com', JWT_AUDIENCE: 'devicehive' };

  it('is taken by the address of its keys or by its key', () => {
    const expected = { issuer: 'https://id.example.com', audience: 'devicehive' };
    expect(load({ ...provider, JWT_JWKS_URL: 'https://id.example.com/jwks' }).auth.identityProvider).toEqual({
      ...expected,
      jwksUrl: new URL('https://id.example.com/jwks'),
      publicKey: undefined,
    });
    expect(load({ ...provider, JWT_PUBLIC_KEY: PEM }).auth.identityProvider).toEqual({
      ...expected,
      jwksUrl: undefined,
      publicKey: createPublicKey(PEM),
    });
  });

  it('stops the start with a key that cannot be read', () => {
    const key = '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----';
    expect(() => load({ ...provider, JWT_PUBLIC_KEY: key })).toThrow('JWT_PUBLIC_KEY must be a public key');
  });

  it.each([
    ['JWT_ISSUER', { JWT_PUBLIC_KEY: PEM }],
    ['JWT_AUDIENCE', { JWT_PUBLIC_KEY: PEM }],
    ['JWT_ISSUER', { JWT_JWKS_URL: 'https://id.example.com/jwks' }],
    ['JWT_AUDIENCE', { JWT_JWKS_URL: 'https://id.example.com/jwks' }],
  ])('needs %s: %j', (missing, keys) => {
    expect(() => load({ ...provider, ...keys, [missing]: '' })).toThrow(
      new Error(`${missing} is missing: it is mandatory with an identity provider`),
    );
  });

  it('has one source of keys', () => {
    const both = { JWT_PUBLIC_KEY: PEM, JWT_JWKS_URL: 'https://id.example.com/jwks' };
    expect(() => load({ ...provider, ...both })).toThrow(
      /^JWT_JWKS_URL and JWT_PUBLIC_KEY exclude each other/,
    );
  });
});
