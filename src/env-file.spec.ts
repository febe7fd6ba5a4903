import 'reflect-metadata';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadEnvFile } from './env-file.js';

const TEXT = `DATABASE_URL=postgres://me@db/dh # theirs\nADMIN_LOGIN="jürgen"\nLOG_LEVEL='warn'\n\n# end\n`;
const VALUES = { DATABASE_URL: 'postgres://me@db/dh', ADMIN_LOGIN: 'jürgen', LOG_LEVEL: 'warn' };
const MARK = '\uFEFF';

describe('loadEnvFile', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'devicehive-env-'));
    file = join(folder, '.env');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function load(content: string | Buffer, env: NodeJS.ProcessEnv = {}) {
    writeFileSync(file, content);
    const warnings = loadEnvFile(file, env);
    return { warnings, env };
  }

  it.each([
    ['UTF-8', TEXT],
    ['UTF-8 with a byte order mark', MARK + TEXT],
    ['lines that end in CRLF', TEXT.replaceAll('\n', '\r\n')],
    ['a byte order mark and CRLF', MARK + TEXT.replaceAll('\n', '\r\n')],
  ])('reads %s', (_, text) => {
    expect(load(text)).toEqual({ env: VALUES, warnings: [] });
  });

  it.each([
    ['UTF-16 with a byte order mark', Buffer.from(MARK + TEXT, 'utf16le')],
    ['UTF-16 without one', Buffer.from('LOG_LEVEL=warn', 'utf16le')],
    ['UTF-16 in big-endian order', Buffer.from(MARK + TEXT, 'utf16le').swap16()],
    ['Latin-1', Buffer.from(TEXT, 'latin1')],
  ])('refuses %s and names the file', (_, bytes) => {
    const env = {};
    expect(() => load(bytes, env)).toThrow(
      new Error(`${file} is not UTF-8 but maybe UTF-16, as PowerShell's > writes it: save it as UTF-8`),
    );
    expect(env).toEqual({});
  });

  it('leaves what the environment has, unless that is empty', () => {
    const env = { LOG_LEVEL: 'debug', ADMIN_LOGIN: '' };
    expect(load(TEXT, env).env).toEqual({ ...VALUES, LOG_LEVEL: 'debug' });
  });

  it.each(['ADMIN_PASSWORD=dhadmin_#911', ' export ADMIN_PASSWORD = a#b # c', 'ADMIN_PASSWORD=#911'])(
    'warns that the value is cut off in %s, without showing it',
    (line) => {
      expect(load(`LOG_LEVEL=info\n${line}\n`).warnings).toEqual([
        `ADMIN_PASSWORD in ${file} is cut off at its #: put the value into quotes`,
      ]);
    },
  );

  it.each([`ADMIN_PASSWORD='a#bcdefgh`, 'ADMIN_PASSWORD="a#bcdefgh', 'export ADMIN_PASSWORD = `abcdefgh'])(
    'warns of the quote that is not closed in %s, without showing the value',
    (line) => {
      expect(load(`LOG_LEVEL=info\n${line}\nMQTT_PORT=1\n`).warnings).toEqual([
        `ADMIN_PASSWORD in ${file} has a quote that is not closed`,
      ]);
    },
  );

  it.each(['LOG_LEVEL debug', 'LOG_LEVEL: debug', 'LOG_LEVEL', ' export LOG_LEVEL: "a=b"'])(
    'warns of %j, which has no = behind the name, and reads the next line',
    (line) => {
      expect(load(`# Log\n${line}\nMQTT_PORT=1\n`)).toEqual({
        env: { MQTT_PORT: '1' },
        warnings: [`LOG_LEVEL in ${file} has no effect: write LOG_LEVEL=...`],
      });
    },
  );

  it('reads the variable behind a line that is none, and values of several lines', () => {
    const key = '-----BEGIN PUBLIC KEY-----\nMFkwEwYH\nLOG_LEVEL debug\n-----END PUBLIC KEY-----';
    expect(load(`what is this\nMQTT_PORT=1\nJWT_PUBLIC_KEY="${key}"\n`)).toEqual({
      env: { MQTT_PORT: '1', JWT_PUBLIC_KEY: key },
      warnings: [],
    });
  });

  it.each([
    'ADMIN_PASSWORD="dhadmin_#911"',
    "ADMIN_PASSWORD='a#b'#c",
    'ADMIN_PASSWORD=a # b#c',
    'ADMIN_PASSWORD=a #b',
    'ADMIN_PASSWORD=# not yet',
    '# ADMIN_PASSWORD=a#b',
    'OF_SOMEBODY_ELSE=a#b',
    'MQTT_PASSWORD="\nADMIN_PASSWORD=a#b\n"',
  ])('takes no value for cut off in %j', (line) => {
    expect(load(`${line}\n`).warnings).toEqual([]);
  });

  it('does nothing without a file, and names one that cannot be read', () => {
    expect(loadEnvFile(file, {})).toEqual([]);
    mkdirSync(file);
    expect(() => loadEnvFile(file, {})).toThrow(`${file} cannot be read: EISDIR`);
  });

  it.each([
    ['DATABSE_URL', 'DATABASE_URL'],
    ['database_url', 'DATABASE_URL'],
    ['JWT_SECRETS', 'JWT_SECRET'],
    ['MQTT_PROT', 'MQTT_PORT'],
    ['MQTT_PRT', 'MQTT_PORT'],
    ['SEED_SAMPLEDATA', 'SEED_SAMPLE_DATA'],
    ['ACTION_TIMEOUT', 'ACTION_TIMEOUT_MS'],
    ['REQUEST_DEADLINE', 'REQUEST_DEADLINE_MS'],
    ['MAX_REQUEST', 'MAX_REQUEST_BYTES'],
  ])('warns of %s, which may be meant as %s', (name, meant) => {
    expect(load(`${name}=x`).warnings).toEqual([
      `${name} in ${file} has no effect: it may be meant as ${meant}`,
    ]);
  });

  it('says nothing of the variables of others', () => {
    expect(
      load('POSTGRES_PASSWORD=x\nMOSQUITTO_PORT=1\nPORT=1\nNODE_ENV=x\nDEVICEHIVE_URL=x').warnings,
    ).toEqual([]);
  });
});
