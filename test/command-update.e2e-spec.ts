import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestClient } from './support/client.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';

let service: TestService;
let client: TestClient;

beforeAll(async () => {
  service = await TestService.start();
  client = await service.connectAdmin();
});
afterAll(() => service?.stop());

const update = (commandId: unknown, command: unknown, rest: object = {}) =>
  client.request('command/update', { deviceId: SAMPLE_DEVICE, commandId, command, ...rest });

describe('command/update', () => {
  it('applies all six fields and answers the bare envelope', async () => {
    const id = await service.insertCommand();
    const reply = await client.send(
      JSON.stringify({
        action: 'command/update',
        requestId: { any: ['json'] },
        deviceId: SAMPLE_DEVICE,
        commandId: id,
        command: {
          command: 'renamed',
          timestamp: '2018-02-08T15:26:30.123',
          parameters: { a: 1 },
          lifetime: 60,
          status: 'done',
          result: { b: [2] },
        },
      }),
    );
    expect(reply.topic).toBe(`dh/response/command/update@${client.id}`);
    expect(reply.json).toEqual({ action: 'command/update', status: 'success', requestId: { any: ['json'] } });
    expect(await service.command(id)).toMatchObject({
      command: 'renamed',
      timestamp: new Date('2018-02-08T15:26:30.123Z'),
      parameters: { a: 1 },
      lifetime: 60,
      status: 'done',
      result: { b: [2] },
      is_updated: true,
    });
  });

  it('keeps what is absent or null, and replaces parameters and result whole', async () => {
    const id = await service.insertCommand();
    await update(id, { status: 'first', result: { a: 1, b: 2 }, lifetime: 5 });
    expect(await update(id, { status: null, result: { c: 3 } })).toMatchObject({ status: 'success' });
    expect(await service.command(id)).toMatchObject({ status: 'first', result: { c: 3 }, lifetime: 5 });
  });
});
