import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { connectPacket, PacketReader } from '../generator/packets.js';
import type { Options } from '../options.js';
import type { Cleanup } from '../support/cleanup.js';
import { createDatabase } from '../support/database.js';
import { median } from '../support/spread.js';
import { startService, type Subject } from '../support/subjects.js';
import { number, table } from '../support/table.js';
import type { SectionOfRun } from './section.js';

const PROBE = join(import.meta.dirname, '../support/turn-probe.js');
const START_SECONDS = 5;
const IDLE_SECONDS = 1;
const BURST_SECONDS = 3;
const PACKETS = 65_535;
const FILTER_PACKETS = 100;
const FILTERS = 1_024;
const PINGRESP = 13;

const repeated = (packet: (messageId: number) => Packet, length = PACKETS): Buffer =>
  Buffer.concat(Array.from({ length }, (_, i) => mqttPacket.generate(packet(i + 1))));
const filters = Array.from({ length: FILTERS }, (_, i) => i.toString(36));
const publish = (topic: string, payload: string, qos: 0 | 1) =>
  repeated((messageId) => ({ cmd: 'publish', topic, payload, qos, messageId, retain: false, dup: false }));

/** What one connection sends in one write. */
const BURSTS: Record<string, () => Buffer> = {
  PINGREQ: () => repeated(() => ({ cmd: 'pingreq' })),
  PUBREL: () => repeated((messageId) => ({ cmd: 'pubrel', messageId })),
  'requests {} at QoS 0': () => publish('dh/request', '{}', 0),
  'requests {} at QoS 1': () => publish('dh/request', '{}', 1),
  'updates with a wrong token': () => publish('dh/request', '{"action":"command/update","token":"x"}', 0),
  'messages on a topic of the service': () => publish('dh/command/1/1/device/name', '', 0),
  [`${FILTER_PACKETS} SUBSCRIBE of ${number(FILTERS)} filters`]: () =>
    repeated(
      (messageId) => ({
        cmd: 'subscribe',
        messageId,
        subscriptions: filters.map((topic) => ({ topic, qos: 1 })),
      }),
      FILTER_PACKETS,
    ),
  [`${FILTER_PACKETS} UNSUBSCRIBE of ${number(FILTERS)} filters`]: () =>
    repeated((messageId) => ({ cmd: 'unsubscribe', messageId, unsubscriptions: filters }), FILTER_PACKETS),
};

/** How long one connection's burst keeps everybody else waiting: the longest turn of the service's event loop. */
export const bursts: SectionOfRun = {
  seconds: ({ rounds }: Options) =>
    START_SECONDS + rounds * Object.keys(BURSTS).length * (IDLE_SECONDS + BURST_SECONDS),

  async run({ options, progress }, cleanup: Cleanup) {
    progress.step('bursts: starting the service', START_SECONDS);
    const database = await createDatabase(cleanup, { rows: 1_000, perDevice: 1_000 });
    const service = await startService(cleanup, database, undefined, ['--import', PROBE]);
    const measured = Object.keys(BURSTS).map((name) => ({
      name,
      idle: [] as number[],
      burst: [] as number[],
    }));
    for (let round = 1; round <= options.rounds; round++) {
      for (const { name, idle, burst } of measured) {
        const text = `bursts: round ${round} of ${options.rounds}, ${name}`;
        progress.step(text, IDLE_SECONDS + BURST_SECONDS);
        idle.push(await longestTurn(service, () => delay(IDLE_SECONDS * 1_000)));
        burst.push(await longestTurn(service, () => send(service.url, BURSTS[name]!())));
      }
    }
    const header = [
      'one write',
      'idle ms, median',
      'largest',
      'burst ms, median',
      'largest',
      'more, largest',
    ];
    const rows = measured.map(({ name, idle, burst }) => [
      name,
      ...[median(idle), Math.max(...idle), median(burst), Math.max(...burst)].map((value) =>
        number(value, 1),
      ),
      number(Math.max(...burst.map((value, i) => value - idle[i]!)), 1),
    ]);
    const about = `The longest turn of the event loop while one anonymous connection sends ${number(PACKETS)} packets in one write, or as many as named, and during an idle second before it.`;
    return ['## Bursts', about, table(header, rows)].join('\n\n');
  },
};

async function longestTurn(service: Subject, work: () => Promise<unknown>): Promise<number> {
  await probe(service);
  await work();
  return probe(service);
}

async function probe({ process }: Subject): Promise<number> {
  return Number(/longest turn ([\d.]+) ms/.exec(await process.askProbe())?.[1]);
}

/** Resolves when the last packet of the burst is handled, which is answered in order. */
async function send(url: string, burst: Buffer): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay: true });
  await once(socket, 'connect');
  socket.write(Buffer.concat([connectPacket('burst'), burst]));
  await new Promise<void>((resolve, reject) => {
    let answers = 0;
    const expected = burst[0] === 0xc0 ? PACKETS : 1;
    const reader = new PacketReader((type) => {
      if (type === PINGRESP && ++answers === expected) resolve();
    });
    socket.on('data', (chunk) => reader.read(chunk));
    socket.on('close', () => reject(new Error('the service has closed the connection')));
    if (burst[0] !== 0xc0) socket.write(mqttPacket.generate({ cmd: 'pingreq' }));
  });
  socket.destroy();
}
