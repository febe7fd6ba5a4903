import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common';
import { DirectoryRepository } from './directory.repository.js';

const EVERY_MS = 1_000;

/**
 * Writes when users have logged in, after they are answered: all of a second in one statement, each once. It is for
 * people who look at the table, so a failure is ignored, and a user whose row is locked is left out.
 */
@Injectable()
export class LastLogins implements BeforeApplicationShutdown {
  private readonly users = new Set<number>();
  private timer?: NodeJS.Timeout;
  private pauseMs = EVERY_MS;

  constructor(private readonly directory: DirectoryRepository) {}

  record(userId: number): void {
    this.users.add(userId);
    this.plan();
  }

  /** The database closes when the statement has ended. Logins that are still at work are written one by one. */
  beforeApplicationShutdown(): void {
    this.pauseMs = 0;
    clearTimeout(this.timer);
    void this.write();
  }

  private plan(): void {
    this.timer ??= setTimeout(() => void this.write(), this.pauseMs).unref();
  }

  private async write(): Promise<void> {
    const users = [...this.users];
    this.users.clear();
    if (users.length > 0) await this.directory.recordLogins(users).catch(() => undefined);
    this.timer = undefined;
    if (this.users.size > 0) this.plan();
  }
}
