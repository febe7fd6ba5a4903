import { DEVICE, type Job } from './job.js';

/** Makes an update's request about 300 bytes long without its token. */
const PADDING = 'x'.repeat(120);

/** The requests of a job. Each is for a command at random, so that most are for different ones. */
export class Requests {
  private seed = 88_172_645;

  /** @param job `from`: the number of the command before the first */
  constructor(
    private readonly job: Pick<Job, 'action' | 'token' | 'rows' | 'perDevice' | 'members'> & {
      from?: number;
    },
  ) {}

  next(requestId: string): string {
    const { action, token, members } = this.job;
    const commandId = (this.job.from ?? 0) + 1 + (this.random() % this.job.rows);
    return JSON.stringify({ action, requestId, ...this.body(commandId), ...members, token });
  }

  private body(commandId: number): object {
    const deviceId = `${DEVICE}${Math.ceil(commandId / this.job.perDevice)}`;
    const fields = { lit: true, level: commandId, text: PADDING };
    switch (this.job.action) {
      case 'command/insert':
        return { deviceId, command: { command: 'lamp/switch', parameters: fields } };
      case 'notification/insert':
        return { deviceId, notification: { notification: 'lamp/switched', parameters: fields } };
      case 'command/get':
        return { deviceId, commandId };
      case 'command/list':
      case 'notification/list':
        return { deviceId };
      case 'device/count':
      case 'device/list':
      case 'authenticate':
        return {};
      default:
        return { deviceId, commandId, command: { status: 'done', result: fields } };
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
