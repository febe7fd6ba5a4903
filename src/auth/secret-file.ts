import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inDataDir } from '../protocol/data-dir.js';

/** The secret of the embedded shape: made at the first start, mode 0600, the same ever after. */
export function readOrCreateSecret(dataDir: string): string {
  const file = join(dataDir, 'jwt-secret');
  return inDataDir(dataDir, () => {
    // No token was ever signed with an empty one: it stops the start.
    if (existsSync(file) && statSync(file).size === 0) rmSync(file);
    if (!existsSync(file)) create(file);
    return readFileSync(file, 'utf8');
  });
}

/** A link appears whole or not at all: half a secret would be a weak one for good. The first of two starts wins. */
function create(file: string): void {
  const mine = `${file}.${process.pid}`;
  try {
    writeFileSync(mine, randomBytes(48).toString('base64'), { mode: 0o600 });
    linkSync(mine, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(mine, { force: true });
  }
}
