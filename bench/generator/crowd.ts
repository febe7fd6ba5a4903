import { Histogram } from './histogram.js';
import type { CrowdJob, Gathering } from './job.js';
import { LoadClient } from './load-client.js';

/** Clients that are connected and authenticated. */
export class Crowd {
  readonly clients: LoadClient[] = [];

  constructor(private readonly job: CrowdJob) {}

  /** @throws if one of them is refused */
  async gather(): Promise<Gathering> {
    const { clients, atOnce } = this.job;
    const latencies = new Histogram();
    const startedAt = performance.now();
    let opened = 0;
    const openNext = async (): Promise<void> => {
      while (opened < clients) {
        const since = performance.now();
        this.clients.push(await this.open(++opened));
        latencies.add(performance.now() - since);
      }
    };
    await Promise.all(Array.from({ length: atOnce }, openNext));
    return { seconds: (performance.now() - startedAt) / 1_000, latencies: latencies.entries() };
  }

  disperse(): void {
    for (const client of this.clients.splice(0)) client.close();
  }

  private async open(n: number): Promise<LoadClient> {
    const { url, id, token, topic } = this.job;
    const client = new LoadClient(url, `${id}-${n}`);
    await client.open(undefined, `dh/response/authenticate@${client.id}`);
    await client.authenticate(token);
    if (topic !== undefined) await client.subscribe(topic.replace('{n}', `${n}`));
    return client;
  }
}
