import { DataSource } from 'typeorm';
import { expect, it } from 'vitest';
import { cutStuckConnections } from '../src/database/stuck-connections.js';

it('a connection that is out for too long is cut, and its statement fails instead of waiting for ever', async () => {
  const pool = await new DataSource({ type: 'postgres', url: process.env.TEST_DATABASE_URL }).initialize();
  try {
    // The time that is spared for statements counts from here.
    cutStuckConnections(pool, -29_000);
    await expect(pool.query('SELECT pg_sleep(60)')).rejects.toThrow(/terminated|closed/i);
    expect(await pool.query('SELECT 1 AS one')).toEqual([{ one: 1 }]);
  } finally {
    await pool.destroy();
  }
});
