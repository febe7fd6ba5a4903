import { once } from 'node:events';
import type { Packet } from 'mqtt';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { SentPackets } from './sent-packets.js';

let store: SentPackets;
const packet = (messageId: number) =>
  ({ cmd: 'publish', topic: 'topic', payload: 'text', messageId }) as unknown as Packet;
const put = (...messageIds: number[]) => {
  for (const messageId of messageIds) store.put(packet(messageId), () => {});
};
const idsToSendAgain = async () => {
  const ids: (number | undefined)[] = [];
  for await (const { messageId } of store.createStream()) ids.push(messageId);
  return ids;
};

beforeEach(() => {
  store = new SentPackets();
});

describe('SentPackets', () => {
  it('gives what is to be sent again in the order of sending, not of the message ids', async () => {
    put(65_534, 65_535, 1, 2);
    expect(await idsToSendAgain()).toEqual([65_534, 65_535, 1, 2]);
  });

  it('does not give what was acknowledged, in order or not', async () => {
    put(1, 2, 3, 4);
    for (const messageId of [1, 3]) store.del({ messageId }, () => {});
    expect(await idsToSendAgain()).toEqual([2, 4]);
    expect(await idsToSendAgain()).toEqual([2, 4]);
  });

  it('ends at once where there is nothing', async () => {
    const stream = store.createStream();
    expect(stream.read(1)).toBeNull();
    await once(stream, 'end');
  });

  it('gives what is there when it is asked, whatever comes and goes meanwhile', () => {
    put(1, 2);
    const stream = store.createStream();
    store.del({ messageId: 2 }, () => {});
    put(3);
    expect([stream.read(1), stream.read(1), stream.read(1)]).toMatchObject([
      { messageId: 1 },
      { messageId: 2 },
      null,
    ]);
  });

  it('finds a packet, and tells which one it has removed', () => {
    const found = vi.fn<(error?: Error, packet?: Packet) => void>();
    put(1, 2);
    store.get({ messageId: 2 }, found);
    store.del({ messageId: 2 }, found);
    expect(found.mock.calls).toEqual([
      [undefined, packet(2)],
      [undefined, packet(2)],
    ]);
  });

  it('has an error for a packet that is not there', () => {
    const found = vi.fn<(error?: Error, packet?: Packet) => void>();
    put(1);
    store.get({ messageId: 7 }, found);
    store.del({ messageId: 7 }, found);
    expect(found.mock.calls).toEqual([[expect.any(Error)], [expect.any(Error)]]);
  });
});
