import { chmodSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { closeDataDir, inDataDir } from './data-dir.js';

const NOBODY = 65_534;

describe('closeDataDir', () => {
  let dataDir: string;
  const modeOf = (name: string) => (lstatSync(join(dataDir, name)).mode & 0o7777).toString(8);

  const makeFile = (path: string) => {
    writeFileSync(path, '');
    chmodSync(path, 0o664);
  };

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), 'devicehive-data-dir-'));
    mkdirSync(join(dataDir, 'sessions'));
    for (const name of ['', 'sessions']) chmodSync(join(dataDir, name), 0o755);
    for (const name of ['jwt-secret', 'sessions/000003.log']) makeFile(join(dataDir, name));
  });
  afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

  it("takes the permissions of others from the folder and the service's files", () => {
    expect(closeDataDir(dataDir)).toBeUndefined();
    const modes = ['', 'sessions', 'jwt-secret', 'sessions/000003.log'].map(modeOf);
    expect(modes).toEqual(['700', '700', '600', '600']);
  });

  it("closes the service's files alone in a folder that has others too, and says so", () => {
    makeFile(join(dataDir, 'package.json'));
    expect(closeDataDir(dataDir)).toBe(
      `DATA_DIR ${dataDir} is open to other users of this machine (it has other files too, like package.json): ` +
        'give the service a folder of its own, with mode 700',
    );
    const modes = ['', 'sessions', 'jwt-secret', 'package.json'].map(modeOf);
    expect(modes).toEqual(['755', '700', '600', '664']);
  });

  it('follows no link that somebody has put into the folder', () => {
    const elsewhere = mkdtempSync(join(tmpdir(), 'devicehive-elsewhere-'));
    makeFile(join(elsewhere, 'notes.txt'));
    symlinkSync(join(elsewhere, 'notes.txt'), join(dataDir, 'sessions', 'link'));
    symlinkSync(elsewhere, join(dataDir, 'postgres'));
    expect(closeDataDir(dataDir)).toBeUndefined();
    expect((lstatSync(join(elsewhere, 'notes.txt')).mode & 0o777).toString(8)).toBe('664');
    rmSync(elsewhere, { recursive: true });
  });

  it('leaves a shared folder as it is, and says so', () => {
    chmodSync(dataDir, 0o1777);
    expect(closeDataDir(dataDir)).toBe(
      `DATA_DIR ${dataDir} is open to other users of this machine (the folder is shared, it has the sticky bit): ` +
        'give the service a folder of its own, with mode 700',
    );
    expect([modeOf(''), modeOf('jwt-secret')]).toEqual(['1777', '600']);
  });

  it('says nothing of a folder that is not there', () => {
    expect(closeDataDir(join(dataDir, 'none'))).toBeUndefined();
  });

  // Somebody else's folder: only root can make one.
  it.runIf(process.getuid?.() === 0)('warns of a folder that belongs to somebody else, once for all', () => {
    chmodSync(dataDir, 0o777);
    process.seteuid!(NOBODY);
    try {
      expect(closeDataDir(dataDir)).toBe(
        `DATA_DIR ${dataDir} is open to other users of this machine (EPERM: operation not permitted, chmod '${dataDir}'): ` +
          'give the service a folder of its own, with mode 700',
      );
    } finally {
      process.seteuid!(0);
    }
    expect(modeOf('')).toBe('777');
  });
});

describe('inDataDir', () => {
  it('says that DATA_DIR is a file, or below one', () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'devicehive-data-dir-'));
    const file = join(dataDir, 'file');
    writeFileSync(file, '');
    for (const given of [file, join(file, 'below')]) {
      expect(() => inDataDir(given, () => {})).toThrow(
        new Error(`DATA_DIR cannot be written: ${file} is not a folder`),
      );
    }
    rmSync(dataDir, { recursive: true });
  });
});
