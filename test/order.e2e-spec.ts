import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

let service: TestService;

beforeAll(async () => {
  service = await TestService.start();
});
afterAll(() => service?.stop());

describe('pipelined updates of one command', () => {
  it('are applied in their order, however long each takes to be let in', async () => {
    const client = await service.connectAdmin();
    const id = await service.insertCommand();
    for (let round = 0; round < 20; round++) {
      // A token that was never seen takes longer than the session, and than one seen before.
      const tokens = [
        signToken({ e: Date.now() + 60_000 + round }),
        undefined,
        signToken({ a: [8, round % 19] }),
      ];
      for (const [i, token] of tokens.entries()) {
        const body = {
          action: 'command/update',
          token,
          deviceId: SAMPLE_DEVICE,
          commandId: i === 1 ? String(id) : id,
        };
        const command = { status: `${round}-${i}` };
        client.mqtt.publish('dh/request', JSON.stringify({ ...body, requestId: command.status, command }), {
          qos: 1,
        });
      }
      await client.next(({ json }) => json.requestId === `${round}-2`);
      expect((await service.command(id)).status).toBe(`${round}-2`);
    }
  });
});
