import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { shown } from '../protocol/shown.js';

const INTERVAL_MS = 60_000;
/** Clients that get a line of their own in an interval. */
const MAX_CLIENTS = 100;

type Level = 'log' | 'error';

/** A line of the log; it is only made if it may be shown. */
type Line = () => string;

interface Counted {
  more: number;
  /** the latest line; not what makes it, which would keep the request */
  last: string;
}

/**
 * Logs refusals without letting clients fill the log: the first one of each client in an interval as it is, the others
 * as one line with their number when the interval ends. Errors are counted apart from refusals, so that a client that is
 * refused all the time hides no error.
 */
@Injectable()
export class RefusalLog implements OnApplicationShutdown {
  private readonly logger = new Logger('Requests');
  private readonly counted: Record<Level, Map<string, Counted>> = { log: new Map(), error: new Map() };
  private unshown = 0;
  private interval?: NodeJS.Timeout;

  /** A request or CONNECT that is refused for a reason that lies with its client. */
  refused(clientId: string, line: Line): void {
    if (this.isFirst('log', clientId, line)) this.logger.log(line());
  }

  /** @param reason logged with its stack */
  failed(clientId: string, line: Line, reason?: unknown): void {
    if (!this.isFirst('error', clientId, line)) return;
    if (reason === undefined) this.logger.error(line());
    else this.logger.error(line(), reason);
  }

  onApplicationShutdown(): void {
    clearTimeout(this.interval);
    this.summarize();
  }

  private isFirst(level: Level, clientId: string, line: Line): boolean {
    this.interval ??= setTimeout(() => this.summarize(), INTERVAL_MS).unref();
    const clients = this.counted[level];
    const counted = clients.get(clientId);
    if (counted) {
      counted.more++;
      counted.last = copyOf(line());
      return false;
    }
    if (clients.size >= MAX_CLIENTS) {
      this.unshown++;
      return false;
    }
    clients.set(clientId, { more: 0, last: '' });
    return true;
  }

  private summarize(): void {
    this.interval = undefined;
    for (const level of ['log', 'error'] as const) {
      for (const [clientId, { more, last }] of this.counted[level]) {
        if (more > 0)
          this.logger[level](`client ${shown(clientId)}: ${more} more within a minute, the last: ${last}`);
      }
      this.counted[level].clear();
    }
    if (this.unshown > 0)
      this.logger.warn(`${this.unshown} refusals of more clients within a minute are not shown`);
    this.unshown = 0;
  }
}

/** A text that keeps no other one in memory: V8 makes a part of a text by a reference to the whole. */
function copyOf(text: string): string {
  return Buffer.from(text).toString();
}
