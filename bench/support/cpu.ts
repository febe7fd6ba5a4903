import { readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { Subject } from './subjects.js';

/** Linux counts CPU time for `/proc` in hundredths of a second, on every architecture. */
const TICKS = 100;

/** CPU time by who used it; `undefined` where there is nobody, or where the system does not tell. */
export interface CpuSeconds {
  subject?: number;
  /** its Mosquitto's */
  broker?: number;
  /** PostgreSQL's processes for its connections */
  sessions?: number;
  generator?: number;
  /** the whole machine's */
  all: number;
}

/** What has been used so far; that of the sessions for each of them. */
export type CpuSample = Omit<CpuSeconds, 'sessions'> & { sessions?: Map<string, number> };

export function sampleCpu({ process, broker, database }: Subject): CpuSample {
  return {
    subject: cpuSecondsOf(process.pid),
    broker: broker && cpuSecondsOf(broker.process.pid),
    sessions: database && secondsOfSessions(database.url),
    all: machineSeconds(),
  };
}

export function cpuBetween(before: CpuSample, after: CpuSample): CpuSeconds {
  const difference = (part: 'subject' | 'broker') =>
    before[part] === undefined || after[part] === undefined ? undefined : after[part] - before[part];
  return {
    subject: difference('subject'),
    broker: difference('broker'),
    sessions: after.sessions && sessionsBetween(before.sessions ?? new Map(), after.sessions),
    all: after.all - before.all,
  };
}

/** A pool closes what it does not need: a session that is gone takes what it has used with it. */
function sessionsBetween(before: Map<string, number>, after: Map<string, number>): number {
  return [...after].reduce((total, [pid, seconds]) => total + seconds - (before.get(pid) ?? 0), 0);
}

/** User and system time of a process so far. */
function cpuSecondsOf(pid: number | string): number | undefined {
  const stat = readProcessFile(pid, 'stat');
  // The name in parentheses may contain anything; user and system time are fields 14 and 15.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields && (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** PostgreSQL writes the database into the title of each session's process. */
function secondsOfSessions(url: string): Map<string, number> | undefined {
  const title = ` ${new URL(url).pathname.slice(1)} `;
  const sessions = processIds().filter((pid) => readProcessFile(pid, 'cmdline')?.includes(title));
  if (sessions.length === 0) return undefined;
  return new Map(sessions.map((pid) => [pid, cpuSecondsOf(pid) ?? 0]));
}

function machineSeconds(): number {
  const busy = cpus().map(({ times: { user, nice, sys, irq } }) => user + nice + sys + irq);
  return busy.reduce((total, milliseconds) => total + milliseconds / 1_000, 0);
}

function processIds(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** @returns `undefined` where the process is gone, or where the system has no `/proc` */
export function readProcessFile(pid: number | string, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}
