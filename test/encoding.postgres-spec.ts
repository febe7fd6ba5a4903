import { randomBytes } from 'node:crypto';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApp, migrate } from '../src/index.js';
import { RecordingLogger } from './support/service.js';
import { JWT_SECRET } from './support/environment.js';

const name = `devicehive_encoding_${randomBytes(6).toString('hex')}`;
const url = new URL(process.env.TEST_DATABASE_URL!);
url.pathname = `/${name}`;
const environment = { DATABASE_URL: url.href, JWT_SECRET, MQTT_PORT: '0', HTTP_PORT: '0' };

async function onServer(statement: string): Promise<void> {
  const client = new Client(process.env.TEST_DATABASE_URL);
  await client.connect();
  await client.query(statement).finally(() => client.end());
}

describe.each(['LATIN1', 'SQL_ASCII'])('a database in %s', (encoding) => {
  const sentence = `DATABASE_URL leads to a database in ${encoding}, which cannot hold all texts: it must be in UTF8`;

  beforeEach(() =>
    onServer(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING '${encoding}' LC_COLLATE 'C' LC_CTYPE 'C'`),
  );
  afterEach(() => onServer(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));

  it('is refused by a migration, which leaves it as it is', async () => {
    await expect(migrate({ environment })).rejects.toThrow(sentence);
    const client = new Client(url.href);
    await client.connect();
    const tables = await client.query(`SELECT FROM pg_tables WHERE schemaname = 'public'`);
    await client.end();
    expect(tables.rowCount).toBe(0);
  });

  it('is refused by a start', async () => {
    await expect(createApp({ environment }, new RecordingLogger())).rejects.toThrow(sentence);
  });
});
