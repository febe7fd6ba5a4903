import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFolder } from '../../protocol/data-dir.js';
import { isJsonObject } from '../../protocol/json-object.js';

/** Of the latest stops: a process that crashes for another reason finds another request at work each time. */
const MAX_SUSPECTS = 64;
const FINGERPRINT = /^[0-9a-f]{32}$/;

/** What a process that serves writes down for the next one. */
export interface RunRecord {
  /** names the process */
  run: string;
  /** before this process, in a row */
  uncleanStops: number;
  /** fingerprint of the request at work, while it is the only one */
  alone?: string;
  /** by fingerprint: at how many of the stops the request was alone at work */
  deaths: Record<string, number>;
}

/**
 * What a process writes down when it begins to serve.
 * @param last what it finds: nothing after a clean stop
 */
export function nextRecord(last: RunRecord | undefined, run: string): RunRecord {
  if (!last) return { run, uncleanStops: 0, deaths: {} };
  const { uncleanStops, alone, deaths } = last;
  // Nobody else has served in between.
  if (last.run === run) return { run, uncleanStops, deaths };
  const others = Object.entries(deaths).filter(([fingerprint]) => fingerprint !== alone);
  const latest: [string, number][] = alone === undefined ? [] : [[alone, (deaths[alone] ?? 0) + 1]];
  return {
    run,
    uncleanStops: uncleanStops + 1,
    deaths: Object.fromEntries([...others, ...latest].slice(-MAX_SUSPECTS)),
  };
}

/** There while a process serves, and left there when it is killed; not forced to the disk for a loss of power. */
export class RunFile {
  constructor(readonly path: string) {}

  /**
   * @returns `undefined` where there is none
   * @throws where it cannot be read, or holds something else
   */
  read(): RunRecord | undefined {
    let text: string;
    try {
      text = readFileSync(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
    return parseRecord(text);
  }

  /** Makes its folder, too. A kill in between leaves the record of before. */
  write(record: RunRecord): void {
    const next = `${this.path}.new`;
    makeFolder(dirname(this.path));
    writeFileSync(next, JSON.stringify(record), { mode: 0o600 });
    renameSync(next, this.path);
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }
}

function parseRecord(text: string): RunRecord {
  const record: unknown = JSON.parse(text);
  if (!isRecord(record)) throw new Error('not a record of a run');
  return record;
}

function isRecord(value: unknown): value is RunRecord {
  if (!isJsonObject(value)) return false;
  const { run, uncleanStops, alone, deaths } = value as Record<string, unknown>;
  return (
    typeof run === 'string' &&
    isCount(uncleanStops) &&
    (alone === undefined || isFingerprint(alone)) &&
    isJsonObject(deaths) &&
    Object.entries(deaths).every(([key, count]) => isFingerprint(key) && isCount(count))
  );
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isFingerprint = (value: unknown): boolean => typeof value === 'string' && FINGERPRINT.test(value);
