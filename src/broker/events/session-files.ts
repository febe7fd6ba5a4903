import { PermissionSet } from '../../protocol/permissions.js';
import type { Watcher } from '../topic-access.js';
import type { QueuedEvent } from './session-queue.js';
import type { SessionStorage } from './session-storage.js';

/** A session as it is kept. */
export interface SessionRecord {
  clientId: string;
  owner: Watcher;
  filters: [filter: string, qos: number][];
}

const SESSION_KEY = /^s!(\d+)$/;
const EVENT_KEY = /^e!(\d+)!(\d+)$/;
/** So that the order of the keys is that of the numbers. */
const DIGITS = 16;

/** The entries of one session in the storage: `s!<number>` is itself, `e!<number>!<seq>` are its events. */
export class SessionFiles {
  constructor(
    private readonly storage: SessionStorage,
    private readonly number: number,
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
    const { userId, permissions, networkIds, deviceTypeIds } = owner;
    const kept = { userId, permissions: [...permissions.ids], networkIds, deviceTypeIds };
    this.storage.set(`s!${this.number}`, () =>
      JSON.stringify({ clientId, owner: kept, filters: [...filters] }),
    );
  }

  forget(): void {
    this.storage.delete(`s!${this.number}`);
  }

  add({ seq, ...event }: QueuedEvent): void {
    this.storage.set(this.eventKey(seq), () => JSON.stringify(event));
  }

  remove({ seq }: QueuedEvent): void {
    this.storage.delete(this.eventKey(seq));
  }

  private eventKey(seq: number): string {
    return `e!${this.number}!${String(seq).padStart(DIGITS, '0')}`;
  }
}

/** What the storage holds, by the number of the session. */
export function readSessions(
  entries: [key: string, text: string][],
): Map<number, SessionRecord & { events: QueuedEvent[] }> {
  const sessions = new Map<number, SessionRecord & { events: QueuedEvent[] }>();
  for (const [key, text] of entries) {
    const number = SESSION_KEY.exec(key)?.[1];
    if (number) sessions.set(Number(number), { ...readRecord(text), events: [] });
  }
  for (const [key, text] of entries) {
    const [, number, seq] = EVENT_KEY.exec(key) ?? [];
    const session = number && sessions.get(Number(number));
    if (session) session.events.push({ ...(JSON.parse(text) as QueuedEvent), seq: Number(seq) });
  }
  return sessions;
}

function readRecord(text: string): SessionRecord {
  const record = JSON.parse(text) as SessionRecord & { owner: { permissions: number[] } };
  return { ...record, owner: { ...record.owner, permissions: new PermissionSet(record.owner.permissions) } };
}
