import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { ClassicLevel } from 'classic-level';
import { closeTree, makeFolder } from '../../protocol/data-dir.js';

const RETRY_MS = 1_000;

interface Change {
  /** `null`: the key is deleted */
  text: (() => string) | null;
  /** the disk knows nothing of the key */
  isNew: boolean;
}

/**
 * Stored sessions on disk: keys and texts in LevelDB. Changes are written in the order in which they were made, all
 * that gather while a write is on its way with the next one. What is written survives the end of the process, and
 * with the operating system's usual delay that of the machine.
 */
export class SessionStorage {
  private readonly logger = new Logger('Broker');
  /** there once it is opened: one that is made opens itself, also where nobody asks for it */
  private db?: ClassicLevel;
  /** who has the database open, for the others' message; LevelDB's own lock does not tell */
  private readonly holderFile: string;
  private changes = new Map<string, Change>();
  private writes: Promise<void> = Promise.resolve();
  private next?: Promise<void>;
  private isWriting = false;
  private isFailing = false;

  /** @param dataDir holds it in a folder of its own */
  constructor(private readonly dataDir: string) {
    this.holderFile = join(dataDir, 'sessions.pid');
  }

  /**
   * @returns all keys with their texts, in the order of the keys
   * @throws where another process holds the directory, naming its id
   */
  async open(): Promise<[key: string, text: string][]> {
    const folder = join(this.dataDir, 'sessions');
    let db: ClassicLevel;
    try {
      makeFolder(folder);
      db = new ClassicLevel(folder);
      await db.open();
    } catch (error) {
      const { code, message } = ((error as Error).cause ?? error) as Error & { code?: string };
      const problem =
        code === 'LEVEL_LOCKED'
          ? `is in use by ${this.holder()}: stop that one first`
          : `cannot be used: ${message}`;
      throw new Error(`DATA_DIR ${this.dataDir} ${problem}, or set DATA_DIR to another folder`, {
        cause: error,
      });
    }
    this.db = db;
    // LevelDB makes its files with mode 0666 less the umask, which is the application's if the module is mounted.
    closeTree(folder);
    writeFileSync(this.holderFile, `${process.pid}`, { mode: 0o600 });
    return db.iterator().all();
  }

  /** @param text made when it is written */
  set(key: string, text: () => string): void {
    this.change(key, { text, isNew: false });
    this.schedule();
  }

  /** @param key one that is not there: of what is deleted before it is written nothing is kept, nor written */
  add(key: string, text: () => string): void {
    this.change(key, { text, isNew: true });
    this.schedule();
  }

  delete(key: string): void {
    this.change(key, { text: null, isNew: false });
    this.schedule();
  }

  /** Whether no change is on its way to the disk. */
  get isFlushed(): boolean {
    return !this.next && !this.isWriting;
  }

  /** Resolves when the changes of until now are written, or could not be. */
  flushed(): Promise<void> {
    return this.next ?? this.writes;
  }

  async close(): Promise<void> {
    await this.flushed();
    if (this.db?.status !== 'open') return;
    rmSync(this.holderFile, { force: true });
    await this.db.close();
  }

  /** It may have opened the database just now, and not have written its id yet. */
  private holder(): string {
    const [pid] = existsSync(this.holderFile)
      ? (/^\d+$/.exec(readFileSync(this.holderFile, 'utf8')) ?? [])
      : [];
    return pid ? `process ${pid}` : 'another process';
  }

  /** What is not written yet knows best whether the disk has the key. */
  private change(key: string, change: Change): void {
    const { isNew } = this.changes.get(key) ?? change;
    if (isNew && !change.text) this.changes.delete(key);
    else this.changes.set(key, { ...change, isNew });
  }

  private schedule(): void {
    this.next ??= this.writes = this.writes.then(() => this.write());
  }

  private async write(): Promise<void> {
    const { changes } = this;
    this.next = undefined;
    if (changes.size === 0) return;
    this.changes = new Map();
    this.isWriting = true;
    try {
      await this.db!.batch(
        Array.from(changes, ([key, { text }]) =>
          text ? { type: 'put', key, value: text() } : { type: 'del', key },
        ),
      );
      this.isFailing = false;
    } catch (error) {
      if (!this.isFailing) this.logger.error(`Stored sessions in ${this.dataDir} cannot be written`, error);
      this.isFailing = true;
      const later = this.changes;
      this.changes = changes;
      for (const [key, change] of later) this.change(key, change);
      setTimeout(() => this.db?.status === 'open' && this.schedule(), RETRY_MS).unref();
    }
    this.isWriting = false;
  }
}
