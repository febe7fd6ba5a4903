import { isJsonObject } from '../../protocol/json-object.js';
import { type PermissionId, PermissionSet } from '../../protocol/permissions.js';
import { isClientId } from '../../protocol/topics.js';
import type { Watcher } from '../topic-access.js';
import type { QueuedEvent } from './session-queue.js';
import type { SessionStorage } from './session-storage.js';

/** A session as it is kept. */
export interface SessionRecord {
  clientId: string;
  owner: Watcher;
  filters: [filter: string, qos: number][];
}

const SESSION_KEY = /^s!([1-9]\d{0,14})$/;
const EVENT_KEY = /^e!([1-9]\d{0,14})!(\d{16})$/;
/** So that the order of the keys is that of the numbers. */
const DIGITS = 16;

/** The entries of one session in the storage: `s!<number>` is itself, `e!<number>!<seq>` are its events. */
export class SessionFiles {
  constructor(
    private readonly storage: SessionStorage,
    private readonly number: number,
    /** whether the storage knows the session */
    private isKept: boolean,
  ) {}

  save({
    clientId,
    owner,
    filters,
  }: {
    clientId: string;
    owner: Watcher;
    filters: Iterable<[string, number]>;
  }) {
    const { userId, permissions, networkIds, deviceTypeIds, generation } = owner;
    const kept = { userId, permissions: [...permissions.ids], networkIds, deviceTypeIds, generation };
    const text = () => JSON.stringify({ clientId, owner: kept, filters: [...filters] });
    if (this.isKept) this.storage.set(this.key, text);
    else this.storage.add(this.key, text);
    this.isKept = true;
  }

  forget(): void {
    this.storage.delete(this.key);
  }

  add({ seq, ...event }: QueuedEvent): void {
    this.storage.add(this.eventKey(seq), () => JSON.stringify(event));
  }

  remove({ seq }: QueuedEvent): void {
    this.storage.delete(this.eventKey(seq));
  }

  private get key(): string {
    return `s!${this.number}`;
  }

  private eventKey(seq: number): string {
    return `e!${this.number}!${String(seq).padStart(DIGITS, '0')}`;
  }
}

/** What the storage holds. */
interface StoredEntries {
  /** by their numbers */
  sessions: Map<number, SessionRecord & { events: QueuedEvent[] }>;
  /** keys of what cannot have been written so */
  unreadable: string[];
  /** keys of events whose session is not there */
  orphaned: string[];
}

export function readSessions(entries: [key: string, text: string][]): StoredEntries {
  const read: StoredEntries = { sessions: new Map(), unreadable: [], orphaned: [] };
  for (const [key, text] of entries) {
    const number = SESSION_KEY.exec(key)?.[1];
    if (!number) continue;
    const record = readRecord(text);
    if (record) read.sessions.set(Number(number), { ...record, events: [] });
    else read.unreadable.push(key);
  }
  for (const [key, text] of entries) {
    if (SESSION_KEY.test(key)) continue;
    const [, number, seq] = EVENT_KEY.exec(key) ?? [];
    const event = number && readEvent(text, Number(seq));
    const session = read.sessions.get(Number(number));
    if (!event) read.unreadable.push(key);
    else if (session) session.events.push(event);
    else read.orphaned.push(key);
  }
  return read;
}

function readRecord(text: string): SessionRecord | undefined {
  const record = readObject<SessionRecord & { owner: { permissions: PermissionId[] } }>(text);
  const { clientId, owner, filters } = record ?? {};
  const isFilter = (entry: unknown) =>
    Array.isArray(entry) && typeof entry[0] === 'string' && Number.isInteger(entry[1]);
  if (typeof clientId !== 'string' || !isClientId(clientId) || !owner) return undefined;
  if (!Array.isArray(filters) || !filters.every(isFilter)) return undefined;
  // What was written before there were generations has none.
  const { userId, permissions, networkIds, deviceTypeIds, generation = 0 } = owner;
  if (!Number.isInteger(userId) || !arePermissions(permissions)) return undefined;
  if (![networkIds, deviceTypeIds].every((limit) => limit === null || areIds(limit))) return undefined;
  if (generation !== null && !Number.isInteger(generation)) return undefined;
  return {
    clientId,
    filters,
    owner: { userId, networkIds, deviceTypeIds, generation, permissions: new PermissionSet(permissions) },
  };
}

function readEvent(text: string, seq: number): QueuedEvent | undefined {
  const event = readObject<QueuedEvent>(text);
  const isWhole = [event?.topic, event?.payload, event?.suffix].every((part) => typeof part === 'string');
  return isWhole && Number.isSafeInteger(seq) ? ({ ...event, seq } as QueuedEvent) : undefined;
}

/** An extension's own ones are names. */
const arePermissions = (ids: unknown): boolean =>
  Array.isArray(ids) && ids.every((id) => Number.isInteger(id) || typeof id === 'string');
const areIds = (ids: unknown): boolean => Array.isArray(ids) && ids.every(Number.isInteger);

/** @returns `undefined` for anything but an object; its fields may be anything */
function readObject<T>(text: string): Partial<T> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? (value as Partial<T>) : undefined;
  } catch {
    return undefined;
  }
}
