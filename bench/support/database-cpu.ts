import { readdirSync, readFileSync } from 'node:fs';
import { cpuSecondsOf } from './child.js';

/**
 * CPU time so far of the sessions of a database, by the titles that PostgreSQL gives its processes.
 * @returns `undefined` where there are none, e.g. on another machine
 */
export function databaseCpuSeconds(url: string): number | undefined {
  const name = new URL(url).pathname.slice(1);
  const sessions = processIds().filter((id) => titleOf(id).includes(` ${name} `));
  if (sessions.length === 0) return undefined;
  return sessions.reduce((total, id) => total + (cpuSecondsOf(id) ?? 0), 0);
}

function processIds(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

function titleOf(id: string): string {
  try {
    return readFileSync(`/proc/${id}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
