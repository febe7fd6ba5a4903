import { setTimeout as delay } from 'node:timers/promises';
import { Histogram } from './histogram.js';
import { type Job, type Outcome, WATCHER } from './job.js';
import { LoadClient } from './load-client.js';
import { Requests } from './requests.js';

/** The last events may come after the last reply. */
const EVENTS_MS = 100;
const TOPIC_OF_NOBODY = 'bench/nobody';

/** A closed loop: each reply lets its client send the next request, so many are in flight all the time. */
export class Load {
  private readonly clients: LoadClient[] = [];
  private watcher?: LoadClient;
  private readonly requests: Requests;
  private readonly sentAt = new Map<string, number>();
  private readonly latencies = new Histogram();
  private readonly errors: Record<string, number> = {};
  private sent = 0;
  private done = 0;
  private successes = 0;
  private events = 0;
  /** begin and end of the time that counts */
  private countsFrom = Number.POSITIVE_INFINITY;
  private countsUntil = Number.POSITIVE_INFINITY;
  private isEnding = false;
  private onEnough: () => void = () => {};

  constructor(private readonly job: Job) {
    this.requests = new Requests(job);
  }

  /** @param onBoundary called where the time that counts begins and ends */
  async run(onBoundary: (boundary: 'started' | 'ended') => void): Promise<Outcome> {
    await this.connect();
    if (this.job.rampSeconds > 0) {
      this.sendFirst();
      await delay(this.job.rampSeconds * 1_000);
    }
    onBoundary('started');
    const measured = await this.count();
    onBoundary('ended');
    this.isEnding = true;
    const deadline = performance.now() + this.job.drainSeconds * 1_000;
    while (this.sentAt.size > 0 && performance.now() < deadline) await delay(10);
    await delay(EVENTS_MS);
    for (const client of [...this.clients, this.watcher]) client?.close();
    const { done, errors, events, successes } = this;
    const { size: unanswered } = this.sentAt;
    return { ...measured, done, latencies: this.latencies.entries(), errors, events, successes, unanswered };
  }

  /** Sends no more requests; what is in flight still has its time. */
  end(): void {
    this.onEnough();
  }

  /** One request of a client of its own; resolves when it is answered with success. */
  async probe(): Promise<void> {
    const client = await this.open(`${this.job.id}-probe`);
    await new Promise<void>((resolve) => {
      client.onMessage = (payload) => {
        if (JSON.parse(String(payload)).status === 'success') resolve();
        else this.publish(client, `${client.id}:again`);
      };
      this.publish(client, `${client.id}:1`);
    });
    client.close();
  }

  private async connect(): Promise<void> {
    const { id, url, isWatched } = this.job;
    for (let i = 0; i < this.job.clients; i++) {
      const client = await this.open(`${id}-${i}`);
      client.onMessage = (payload, at) => this.receive(client, payload, at);
      if (!this.job.action) client.onPuback = (messageId, at) => this.finish(client, `${i}:${messageId}`, at);
      this.clients.push(client);
    }
    if (!isWatched) return;
    this.watcher = new LoadClient(url, `${id}-watcher`);
    this.watcher.onMessage = () => this.events++;
    await this.watcher.open(WATCHER, 'dh/command_update/#', 0);
  }

  private async open(id: string): Promise<LoadClient> {
    const client = new LoadClient(this.job.url, id);
    const { action } = this.job;
    await client.open(undefined, action && `dh/response/${action}@${id}`);
    return client;
  }

  private async count(): Promise<{ seconds: number; cpuSeconds: number }> {
    const startedAt = performance.now();
    const cpu = process.cpuUsage();
    this.countsFrom = startedAt;
    if (this.sent === 0) this.sendFirst();
    const timer = new AbortController();
    const enough = new Promise<void>((resolve) => (this.onEnough = resolve));
    await Promise.race([enough, delay(this.job.seconds * 1_000, undefined, timer).catch(() => undefined)]);
    timer.abort();
    this.countsUntil = performance.now();
    const { user, system } = process.cpuUsage(cpu);
    return { seconds: (this.countsUntil - startedAt) / 1_000, cpuSeconds: (user + system) / 1e6 };
  }

  private sendFirst(): void {
    for (let i = 0; i < this.job.inFlight; i++) this.send(this.clients[i % this.clients.length]!);
  }

  private send(client: LoadClient): void {
    if (this.job.action) {
      const requestId = `${client.id}:${++this.sent}`;
      this.sentAt.set(requestId, performance.now());
      this.publish(client, requestId);
      return;
    }
    const at = performance.now();
    const messageId = client.publish(TOPIC_OF_NOBODY, this.requests.next(`${client.id}:${++this.sent}`));
    this.sentAt.set(`${this.clients.indexOf(client)}:${messageId}`, at);
  }

  private publish(client: LoadClient, requestId: string): void {
    const topic = this.job.onTopicOfClient ? `dh/request/${client.id}` : 'dh/request';
    client.publish(topic, this.requests.next(requestId));
  }

  private receive(client: LoadClient, payload: Buffer, at: number): void {
    const reply = JSON.parse(payload.toString('latin1')) as {
      requestId: string;
      status: string;
      error?: string;
    };
    if (reply.status === 'success') {
      this.finish(client, reply.requestId, at);
      return;
    }
    const text = reply.error ?? String(reply.status);
    this.errors[text] = (this.errors[text] ?? 0) + 1;
    this.sentAt.delete(reply.requestId);
    if (!this.isEnding) this.send(client);
  }

  private finish(client: LoadClient, key: string, at: number): void {
    const sentAt = this.sentAt.get(key);
    if (sentAt === undefined) return;
    this.sentAt.delete(key);
    this.successes++;
    // By the time of sending, or what takes longer than the job would never be counted.
    if (this.counts(sentAt)) this.latencies.add(at - sentAt);
    if (this.counts(at) && ++this.done === this.job.requests) this.onEnough();
    if (!this.isEnding) this.send(client);
  }

  private counts(time: number): boolean {
    return time >= this.countsFrom && time < this.countsUntil;
  }
}
