/** A broker's configuration may change, and a verdict may be wrong: a topic is tried again after this time. */
const REMEMBERED_MS = 3_600_000;
const MAX_TOPICS = 1_000;

interface Refused {
  /** payload length from which messages on the topic are refused; 0 if the topic itself is the cause */
  length: number;
  until: number;
}

/** Topics over which connections have ended, so that the next message there does not cost a connection again. */
export class RefusedTopics {
  /** oldest first */
  private readonly topics = new Map<string, Refused>();

  get isEmpty(): boolean {
    return this.topics.size === 0;
  }

  add(topic: string, length: number): void {
    this.topics.delete(topic);
    this.topics.set(topic, { length, until: performance.now() + REMEMBERED_MS });
    if (this.topics.size > MAX_TOPICS) this.topics.delete(this.topics.keys().next().value!);
  }

  /** Whether a message is refused for its topic or for its size. */
  has(topic: string, length: number): boolean {
    const refused = this.find(topic);
    return refused !== undefined && length >= refused.length;
  }

  /** Whether a message is refused for its size; a smaller one on the same topic is not. */
  isTooLarge(topic: string, length: number): boolean {
    const refused = this.find(topic);
    return refused !== undefined && refused.length > 0 && length >= refused.length;
  }

  private find(topic: string): Refused | undefined {
    if (this.isEmpty) return undefined;
    const refused = this.topics.get(topic);
    if (!refused || refused.until > performance.now()) return refused;
    this.topics.delete(topic);
    return undefined;
  }
}
