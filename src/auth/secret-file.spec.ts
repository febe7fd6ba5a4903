import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readOrCreateSecret } from './secret-file.js';

describe('readOrCreateSecret', () => {
  let dataDir: string;
  const file = () => join(dataDir, 'jwt-secret');
  beforeEach(() => (dataDir = mkdtempSync(join(tmpdir(), 'devicehive-secret-'))));
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

  it('makes the secret once and leaves nothing else', () => {
    const secret = readOrCreateSecret(dataDir);
    expect(secret).toMatch(/^[A-Za-z0-9+/]{64}$/);
    expect(readOrCreateSecret(dataDir)).toBe(secret);
    expect(readdirSync(dataDir)).toEqual(['jwt-secret']);
  });

  it('replaces an empty file, as a full disk or a loss of power leaves it', () => {
    writeFileSync(file(), '');
    const secret = readOrCreateSecret(dataDir);
    expect(secret).toHaveLength(64);
    expect(readFileSync(file(), 'utf8')).toBe(secret);
  });
});
