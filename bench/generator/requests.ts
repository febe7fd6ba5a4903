import { DEVICE, type Job } from './job.js';

/** Makes an update's request about 300 bytes long without its token. */
const PADDING = 'x'.repeat(120);

/** The requests of a job. Each is for a command at random, so that most are for different ones. */
export class Requests {
  private seed = 88_172_645;

  constructor(private readonly job: Job) {}

  next(requestId: string): string {
    const { action, token, members } = this.job;
    const commandId = 1 + (this.random() % this.job.rows);
    const deviceId = `${DEVICE}${Math.ceil(commandId / this.job.perDevice)}`;
    const request = { action, requestId, deviceId, ...this.body(commandId), ...members, token };
    return JSON.stringify(request);
  }

  private body(commandId: number): object {
    const fields = { lit: true, level: commandId, text: PADDING };
    switch (this.job.action) {
      case 'command/insert':
        return { command: { command: 'lamp/switch', parameters: fields } };
      case 'command/get':
        return { commandId };
      case 'command/list':
        return {};
      default:
        return { commandId, command: { status: 'done', result: fields } };
    }
  }

  /** Xorshift with 32 bits: the same commands in each run. */
  private random(): number {
    let x = this.seed;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.seed = x;
    return x >>> 0;
  }
}
