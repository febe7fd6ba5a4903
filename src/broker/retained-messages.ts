import { Pace } from '../protocol/pace.js';
import { isDeviceHiveTopic, levelsOf, matchesFilter } from '../protocol/topics.js';

export interface RetainedMessage {
  topic: string;
  payload: string | Buffer;
}

interface Entry<Message> {
  levels: string[];
  message: Message;
}

const MAX_MESSAGES = 1_000;
const MAX_BYTES = 65_536;
/** As long as a filter may be. */
const MAX_TOPIC_LENGTH = 1_024;
/** Of one turn of the event loop, for all searches together. */
const TURN_MS = 5;
/** Comparisons between two looks at the clock. */
const COMPARISONS = 256;

/** The last message of each ordinary topic that was published with the retain flag. */
export class RetainedMessages<Message extends RetainedMessage> {
  private readonly entries = new Map<string, Entry<Message>>();
  private searching: Promise<unknown> = Promise.resolve();

  /** An empty message removes the topic's, and so does one that is too large: the one before is out of date. */
  store(message: Message): void {
    const { topic, payload } = message;
    const isKept = payload.length > 0 && payload.length <= MAX_BYTES && topic.length <= MAX_TOPIC_LENGTH;
    if (!isKept) this.entries.delete(topic);
    else if (this.entries.has(topic) || this.entries.size < MAX_MESSAGES)
      this.entries.set(topic, { levels: levelsOf(topic), message });
  }

  /**
   * One copy of each message that a filter matches. 1,000 filters on 1,000 messages took 300 ms of one turn of the event
   * loop, so that searches run one after the other, a little in each turn.
   */
  matching(filters: string[]): Promise<Message[]> {
    const ordinary = filters.filter((filter) => !isDeviceHiveTopic(filter));
    if (ordinary.length === 0 || this.entries.size === 0) return Promise.resolve([]);
    const search = this.searching.then(() => this.search(ordinary));
    this.searching = search;
    return search;
  }

  private async search(filters: string[]): Promise<Message[]> {
    const found: Message[] = [];
    const split = filters.map(levelsOf);
    let comparisons = 0;
    const pace = new Pace(TURN_MS);
    for (const { levels, message } of this.entries.values()) {
      const isWanted = split.some((filter) => {
        comparisons++;
        return matchesFilter(filter, levels) && !(isWildcard(filter[0]) && levels[0]!.startsWith('$'));
      });
      if (isWanted) found.push(message);
      if (comparisons < COMPARISONS) continue;
      comparisons = 0;
      const pause = pace.pause();
      if (pause) await pause;
    }
    return found;
  }
}

const isWildcard = (level: string | undefined): boolean => level === '+' || level === '#';
