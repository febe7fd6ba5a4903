import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram, freePort } from './mosquitto.js';

const SERVER = findProgram('nats-server');
const WAIT_MS = 10_000;

export const hasNats = SERVER !== undefined;

/** A real NATS server that speaks MQTT 3.1.1 without authentication, on free ports and with a data folder of its own. */
export class Nats {
  output = '';
  private readonly exited: Promise<unknown>;

  private constructor(
    private readonly port: number,
    private readonly folder: string,
    private readonly child: ChildProcess,
  ) {
    child.stderr!.on('data', (data) => (this.output += String(data)));
    this.exited = once(child, 'close').catch(() => undefined);
  }

  static async start(): Promise<Nats> {
    const folder = mkdtempSync(join(tmpdir(), 'nats-test-'));
    const port = await freePort();
    const config = join(folder, 'nats.conf');
    // MQTT sessions and QoS 1 messages are kept in JetStream.
    writeFileSync(
      config,
      `server_name: test
listen: "127.0.0.1:${await freePort()}"
jetstream { store_dir: "${join(folder, 'data')}" }
mqtt { listen: "127.0.0.1:${port}" }
`,
    );
    const child = spawn(SERVER!, ['-c', config], { stdio: ['ignore', 'ignore', 'pipe'] });
    const broker = new Nats(port, folder, child);
    try {
      await broker.logged('Server is ready');
      return broker;
    } catch (error) {
      await broker.stop();
      throw error;
    }
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** How many MQTT connections have ended over a topic that NATS has no subject for. */
  get endedOverTopics(): number {
    return this.output.match(/not supported for MQTT topics/g)?.length ?? 0;
  }

  async stop(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async logged(text: string): Promise<void> {
    const signal = AbortSignal.timeout(WAIT_MS);
    while (!this.output.includes(text)) {
      const more = once(this.child.stderr!, 'data', { signal }).catch(() => 'none' as const);
      const next = await Promise.race([more, this.exited.then(() => 'none' as const)]);
      if (next === 'none' && !this.output.includes(text)) {
        throw new Error(`NATS ended or stays silent, expected ${text}:\n${this.output}`);
      }
    }
  }
}
