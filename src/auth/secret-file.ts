import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inDataDir } from '../protocol/data-dir.js';

/** The secret of the embedded shape: made at the first start, mode 0600, the same ever after. */
export function readOrCreateSecret(dataDir: string): string {
  const file = join(dataDir, 'jwt-secret');
  return inDataDir(dataDir, () => {
    try {
      writeFileSync(file, randomBytes(48).toString('base64'), { flag: 'wx', mode: 0o600 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    return readFileSync(file, 'utf8');
  });
}
