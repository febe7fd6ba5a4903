import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

/** SQL that names the table `device`. */
const NAMES_DEVICE = /\b(?:FROM|JOIN|INTO|UPDATE|USING)\s+(?:\w+, )?device\b(?!_)/g;
const ROOT = join(import.meta.dirname, '..');

/** All others know a device as `access-scope.ts` shows it: a deleted one is there until its last row is deleted. */
const MAY = {
  'directory/access-scope.ts': ['FROM device', 'JOIN device', 'FROM device', 'FROM device'],
  // By the id of one that is visible, and locked.
  'actions/device/device-change.statements.ts': ['UPDATE device', 'INTO device', 'UPDATE device'],
  // By the ids of those that are visible.
  'actions/device/device.statements.ts': ['FROM device', 'JOIN device', 'JOIN device'],
  // It deletes those that are gone.
  'retention/retention.statement.ts': ['FROM device', 'FROM term, device', 'FROM device'],
  'seed.ts': ['INTO device'],
};

it('only statements that are known to leave deleted devices out name the table of devices', () => {
  const files = readdirSync(ROOT, { recursive: true, encoding: 'utf8' });
  const sources = files.filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'));
  const found = sources.flatMap((file) => {
    const named = readFileSync(join(ROOT, file), 'utf8').match(NAMES_DEVICE);
    return named ? [[file, [...named]] as const] : [];
  });
  expect(Object.fromEntries(found)).toEqual(MAY);
});
