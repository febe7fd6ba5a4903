import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { ClassicLevel } from 'classic-level';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { SessionStorage } from './session-storage.js';

let dataDir: string;
let storage: SessionStorage;

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'devicehive-sessions-'));
  storage = new SessionStorage(dataDir);
  await storage.open();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await storage.close();
  rmSync(dataDir, { recursive: true, force: true });
});

async function reopened(): Promise<[key: string, text: string][]> {
  await storage.close();
  storage = new SessionStorage(dataDir);
  return storage.open();
}

const set = (key: string, text: string) => storage.set(key, () => text);
/** Long enough for a write to begin, not to end. */
const untilItWrites = () => Promise.resolve();

describe('SessionStorage', () => {
  it('gives back what was written, in the order of the keys', async () => {
    set('b', '2');
    set('a', 'ü"\n');
    set('c', '');
    expect(await reopened()).toEqual([
      ['a', 'ü"\n'],
      ['b', '2'],
      ['c', ''],
    ]);
    expect(await reopened()).toHaveLength(3);
  });

  it.each([
    ['together', () => undefined],
    ['while a write is on its way', untilItWrites],
    ['one after the other', () => storage.flushed()],
  ])('keeps the last of several changes that are made %s', async (_, wait) => {
    const changes = [
      () => set('a', 'old'),
      () => storage.delete('a'),
      () => set('a', 'new'),
      () => set('b', 'x'),
      () => storage.delete('b'),
    ];
    for (const change of changes) {
      change();
      await wait();
    }
    expect(await reopened()).toEqual([['a', 'new']]);
  });

  it('makes a text when it writes it, and none that is out of date by then', async () => {
    const made: string[] = [];
    const make = (text: string) => () => {
      made.push(text);
      return text;
    };
    let later = 'not yet';
    storage.set('a', make('old'));
    storage.set('a', make('new'));
    storage.set('b', make('deleted'));
    storage.delete('b');
    storage.set('c', () => later);
    later = 'now';
    expect(await reopened()).toEqual([
      ['a', 'new'],
      ['c', 'now'],
    ]);
    expect(made).toEqual(['new']);
  });

  it('is flushed when all changes until then are written, also while a write is on its way', async () => {
    expect(storage.isFlushed).toBe(true);
    set('a', '1');
    expect(storage.isFlushed).toBe(false);
    await untilItWrites();
    expect(storage.isFlushed).toBe(false);
    await storage.flushed();
    expect(storage.isFlushed).toBe(true);

    set('b', '2');
    await untilItWrites();
    set('c', '3');
    await storage.flushed();
    expect(storage.isFlushed).toBe(true);
    await storage.flushed();
  });

  it('writes at closing what has not been written yet', async () => {
    set('a', '1');
    await untilItWrites();
    set('b', '2');
    expect(await reopened()).toHaveLength(2);
  });

  it('holds its folder alone, and says what to do', async () => {
    await expect(new SessionStorage(dataDir).open()).rejects.toThrow(
      `DATA_DIR ${dataDir} is in use by process ${process.pid}: stop that one first, or set DATA_DIR to another folder`,
    );
    set('a', '1');
    expect(await reopened()).toEqual([['a', '1']]);
    await storage.close();
    expect(existsSync(join(dataDir, 'sessions.pid'))).toBe(false);
  });

  it('that cannot be opened says why', async () => {
    const file = join(dataDir, 'file');
    writeFileSync(file, '');
    await expect(new SessionStorage(file).open()).rejects.toThrow(
      /^DATA_DIR .*\/file cannot be used: .*\/file is not a folder, or set DATA_DIR to another folder$/,
    );
  });

  it('that cannot write says so once, and keeps nobody waiting', async () => {
    const error = vi.spyOn(Logger.prototype, 'error').mockImplementation(() => {});
    await storage.close();
    for (const key of ['a', 'b']) {
      set(key, '1');
      await storage.flushed();
    }
    expect(storage.isFlushed).toBe(true);
    expect(error.mock.calls).toEqual([
      [`Stored sessions in ${dataDir} cannot be written`, expect.anything()],
    ]);
  });

  it('keeps nothing of what is added and deleted while it cannot write', async () => {
    vi.spyOn(Logger.prototype, 'error').mockImplementation(() => {});
    set('on disk', '1');
    set('stays', 'old');
    await storage.flushed();
    const batch = vi.spyOn(ClassicLevel.prototype, 'batch').mockRejectedValue(new Error('no space left'));
    storage.delete('on disk');
    set('stays', 'new');
    for (let n = 0; n < 100; n++) {
      const [early, late] = [`early ${n}`, `late ${n}`];
      for (const key of [early, late]) storage.add(key, () => '1');
      set(early, '2');
      storage.delete(early);
      await untilItWrites();
      storage.delete(late);
      await storage.flushed();
    }
    storage.add('new', () => '1');
    await storage.flushed();
    expect(batch.mock.lastCall).toEqual([
      [
        { type: 'del', key: 'on disk' },
        { type: 'put', key: 'stays', value: 'new' },
        { type: 'put', key: 'new', value: '1' },
      ],
    ]);
    batch.mockRestore();
    set('new', '2');
    expect(await reopened()).toEqual([
      ['new', '2'],
      ['stays', 'new'],
    ]);
  });

  it('that still cannot write says nothing more where nothing was left to write for a while', async () => {
    const error = vi.spyOn(Logger.prototype, 'error').mockImplementation(() => {});
    const level = ClassicLevel.prototype as unknown as { batch(operations: unknown[]): Promise<void> };
    vi.spyOn(level, 'batch').mockImplementation(async (operations) => {
      if (operations.length > 0) throw new Error('no space left');
    });
    for (const key of ['a', 'b']) {
      storage.add(key, () => '1');
      await storage.flushed();
      storage.delete(key);
      await storage.flushed();
    }
    expect(error).toHaveBeenCalledOnce();
  });

  it('deletes what is added again before its deletion is written, and deleted again', async () => {
    set('a', '1');
    await storage.flushed();
    storage.delete('a');
    storage.add('a', () => '2');
    storage.delete('a');
    expect(await reopened()).toEqual([]);
  });

  it('deletes what is added while it is written', async () => {
    storage.add('a', () => '1');
    await untilItWrites();
    storage.delete('a');
    expect(await reopened()).toEqual([]);
  });
});
