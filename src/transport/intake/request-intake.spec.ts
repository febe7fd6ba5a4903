import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Delivery } from '../link/request-channel.js';
import type { TransportOptions } from '../transport.options.js';
import type { Replies } from './replies.js';
import { RequestIntake } from './request-intake.js';

const limits = { maxRequestBytes: 1_024, maxInFlight: 1 } as TransportOptions;
const LOST = 'QoS 0 requests were neither executed nor answered: the connection to the broker was not ready';

let log: string[];
let refused: number;
let executed: number;
let intake: RequestIntake;

beforeEach(() => {
  [log, refused, executed] = [[], 0, 0];
  vi.spyOn(Logger.prototype, 'warn').mockImplementation((line) => void log.push(String(line)));
  const replies = { refuse: () => refused++ } as unknown as Replies;
  intake = new RequestIntake(limits, replies, (_delivery, _request, inPlace) =>
    inPlace(() => void executed++),
  );
});
afterEach(() => vi.restoreAllMocks());

/** A request over a channel of which this is known. */
function request(qos: 0 | 1, channel: { isOpen: boolean; isFull?: boolean; opens?: boolean }): Delivery {
  return {
    channel: {
      outgoing: { isCongested: false },
      hold: () => {},
      whenOpen: () => Promise.resolve(channel.opens),
      takesProbe: () => false,
      ...channel,
    },
    packet: { payload: Buffer.from('{"action":"a"}') },
    origin: { qos, clientId: 'x' },
  } as unknown as Delivery;
}

it('a QoS 0 request that comes while the service is full is counted in the log if it cannot be answered either', async () => {
  await intake.take(request(0, { isOpen: false, isFull: true }));
  expect([log, refused, executed]).toEqual([[`1 ${LOST}`], 0, 0]);
  await intake.take(request(0, { isOpen: true, isFull: true }));
  expect([log.length, refused, executed]).toEqual([1, 1, 0]);
});

it.each([
  ['a QoS 0 request', 0, [`1 ${LOST}`]],
  ['no QoS 1 request, which comes again,', 1, []],
] as const)('%s that waits for a channel that never opens is counted in the log', async (_, qos, lines) => {
  await intake.take(request(qos, { isOpen: false, opens: false }));
  expect([log, refused, executed]).toEqual([lines, 0, 0]);
  await intake.take(request(qos, { isOpen: false, opens: true }));
  expect([log, refused, executed]).toEqual([lines, 0, 1]);
});
