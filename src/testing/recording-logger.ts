import type { LoggerService } from '@nestjs/common';

/** Keeps what the service logs, line by line. */
export class RecordingLogger implements LoggerService {
  readonly lines: string[] = [];
  log = (...parts: unknown[]) => this.keep(parts);
  warn = (...parts: unknown[]) => this.keep(parts);
  error = (...parts: unknown[]) => this.keep(parts);
  debug = () => {};
  verbose = () => {};

  private keep(parts: unknown[]): void {
    this.lines.push(parts.map(String).join(' '));
  }
}
