import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestService } from './support/service.js';

/** The default is a fifth. */
const ROWS = 10_000_000;
const DEFAULT = 0.2 * ROWS;

let service: TestService;

beforeAll(async () => {
  service = await TestService.start();
});
afterAll(() => service?.stop());

it.each(['device_command', 'device_notification', 'recent_insert'])(
  'of 10,000,000 rows %s is vacuumed when a twentieth is dead at most',
  async (table) => {
    const [row] = await service.sql<{ options: string[] }>(
      'SELECT reloptions AS options FROM pg_class WHERE oid = $1::regclass',
      [table],
    );
    const options = new Map(row!.options.map((option) => option.split('=') as [string, string]));
    const of = (name: string) => Number(options.get(`autovacuum_vacuum_${name}`));
    const dead = of('threshold') + of('scale_factor') * ROWS;
    expect(dead).toBeGreaterThan(0);
    expect(dead).toBeLessThan(DEFAULT / 4);
  },
);
