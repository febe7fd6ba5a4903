import { setTimeout as delay } from 'node:timers/promises';
import { Crowd } from './crowd.js';
import { Histogram } from './histogram.js';
import { DEVICE, type FanoutJob, type FanoutTurn } from './job.js';
import { LoadClient } from './load-client.js';
import { Requests } from './requests.js';

const AT_ONCE = 50;
/** The longest wait for the events of one update. */
const LONGEST_MS = 10_000;
const ACTION = 'command/update';

interface Group {
  crowd: Crowd;
  requests: Requests;
}

/** Measures when the last of several subscribers has an event. One update at a time. */
export class Fanout {
  private readonly publisher: LoadClient;

  constructor(private readonly job: FanoutJob) {
    this.publisher = new LoadClient(job.url, `${job.id}-publisher`);
  }

  /** @returns for each round a turn of each group */
  async run(): Promise<FanoutTurn[][]> {
    await this.publisher.open(undefined, `dh/response/${ACTION}@${this.publisher.id}`);
    const groups: Group[] = [];
    for (const [index, size] of this.job.groups.entries()) groups.push(await this.gather(index + 1, size));
    const rounds: FanoutTurn[][] = [];
    for (let round = 0; round < this.job.rounds; round++) {
      const turns: FanoutTurn[] = [];
      for (const group of groups) turns.push(await this.turnOf(group));
      rounds.push(turns);
    }
    for (const { crowd } of groups) crowd.disperse();
    this.publisher.close();
    return rounds;
  }

  private async gather(device: number, clients: number): Promise<Group> {
    const { id, url, token, perDevice } = this.job;
    const deviceId = `${DEVICE}${device}`;
    const topic = `dh/command_update/1/1/${deviceId}/#`;
    const crowd = new Crowd({ url, token, id: `${id}-${device}`, clients, atOnce: AT_ONCE, topic });
    await crowd.gather();
    const commands = { from: (device - 1) * perDevice, rows: perDevice };
    return { crowd, requests: new Requests({ action: ACTION, token, perDevice, ...commands }) };
  }

  private async turnOf(group: Group): Promise<FanoutTurn> {
    const [reply, last] = [new Histogram(), new Histogram()];
    for (let event = 0; event < this.job.events; event++) {
      const times = await this.update(group);
      reply.add(times.reply);
      last.add(times.last);
    }
    return { reply: reply.entries(), last: last.entries() };
  }

  /** @throws if an event or the reply does not come */
  private async update({ crowd: { clients }, requests }: Group): Promise<{ reply: number; last: number }> {
    let left = clients.length;
    const replied = new Promise<number>((resolve) => {
      this.publisher.onMessage = (_, at) => resolve(at);
    });
    const received = new Promise<number>((resolve) => {
      for (const client of clients) {
        client.onMessage = (_, at) => {
          if (--left === 0) resolve(at);
        };
      }
    });
    const sentAt = performance.now();
    this.publisher.publish('dh/request', requests.next('fanout'));
    const timer = new AbortController();
    const late = delay(LONGEST_MS, undefined, timer).then(() => {
      throw new Error(`${left} of ${clients.length} subscribers still wait for an event`);
    });
    const [reply, last] = await Promise.race([Promise.all([replied, received]), late]);
    timer.abort();
    return { reply: reply - sentAt, last: last - sentAt };
  }
}
