import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { nextRecord, RunFile, type RunRecord } from './run-record.js';

const A = 'a'.repeat(32);
const B = 'b'.repeat(32);
const last = (more: Partial<RunRecord>): RunRecord => ({ run: 'last', uncleanStops: 0, deaths: {}, ...more });

describe('nextRecord', () => {
  it('begins anew after a clean stop', () => {
    expect(nextRecord(undefined, 'this')).toEqual({ run: 'this', uncleanStops: 0, deaths: {} });
  });

  it('counts one more unclean stop', () => {
    expect(nextRecord(last({ uncleanStops: 3 }), 'this')).toEqual({
      run: 'this',
      uncleanStops: 4,
      deaths: {},
    });
  });

  it('counts a death for the request that was alone at work, beside those of others', () => {
    expect(nextRecord(last({ alone: A, deaths: { [A]: 1, [B]: 1 } }), 'this').deaths).toEqual({
      [A]: 2,
      [B]: 1,
    });
    expect(nextRecord(last({ deaths: { [A]: 1 } }), 'this').deaths).toEqual({ [A]: 1 });
  });

  it('takes a record of its own process for no stop', () => {
    const own = last({ run: 'this', uncleanStops: 1, alone: A, deaths: { [B]: 1 } });
    expect(nextRecord(own, 'this')).toEqual({ run: 'this', uncleanStops: 1, deaths: { [B]: 1 } });
  });

  it('keeps the deaths of the 64 latest requests', () => {
    let record: RunRecord | undefined;
    const name = (i: number) => i.toString(16).padStart(32, '0');
    for (let i = 0; i < 100; i++) record = { ...nextRecord(record, `${i}`), alone: name(i) };
    const { deaths, uncleanStops } = nextRecord(record, 'this');
    expect(uncleanStops).toBe(100);
    expect(Object.keys(deaths)).toEqual(Array.from({ length: 64 }, (_, i) => name(i + 36)));
  });
});

describe('the file', () => {
  let folder: string;
  let file: RunFile;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'run-file-'));
    file = new RunFile(join(folder, 'data', 'run.json'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('holds a record, for its owner alone', () => {
    const record = last({ uncleanStops: 2, alone: A, deaths: { [A]: 1 } });
    file.write(record);
    expect(file.read()).toEqual(record);
    expect(statSync(file.path).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, 'data')).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(folder, 'data'))).toEqual(['run.json']);
  });

  it('is no longer there once it is removed, and may be removed again', () => {
    file.write(last({}));
    file.remove();
    file.remove();
    expect(file.read()).toBeUndefined();
  });

  it.each([
    ['nothing', ''],
    ['half of it', '{"run":"last","uncleanSt'],
    ['bytes', '\0\xff\x07'],
    ['another value', '[]'],
    ['no counts', '{"run":"last","uncleanStops":-1,"deaths":{}}'],
    ['a request that has no fingerprint', '{"run":"last","uncleanStops":1,"alone":"../x","deaths":{}}'],
    ['deaths that are no numbers', `{"run":"last","uncleanStops":1,"deaths":{"${A}":"many"}}`],
    ['a key that is none', '{"run":"last","uncleanStops":1,"deaths":{"__proto__":1}}'],
  ])('is refused where it holds %s', (_, text) => {
    file.write(last({}));
    writeFileSync(file.path, text);
    expect(() => file.read()).toThrow(/JSON|not a record/);
  });
});
