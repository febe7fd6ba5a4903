import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Permission, PERMISSION_IDS } from '../../src/protocol/permissions.js';
import type { Type } from '@nestjs/common';
import type { TestClient } from './client.js';
import { TestService } from './service.js';
import { signToken } from './token.js';

export interface ActionContract {
  action: string;
  /** `null` for an action that anybody may call */
  permission: Permission | null;
  /** a body that succeeds, made anew for each request */
  body: (service: TestService) => Promise<object> | object;
  /** members that make the body wrong, each alone; none for an action that reads nothing of it */
  wrong: object[];
  /** the action modules to install; the service's own unless told */
  modules?: Type[];
}

/** What every action must do, whoever wrote it. */
export function describeActionContract({ action, permission, body, wrong, modules }: ActionContract): void {
  describe(`${action} keeps the contract of every action:`, () => {
    let service: TestService;
    let client: TestClient;

    beforeAll(async () => {
      service = await TestService.start({}, modules);
      client = await service.connect();
    });
    afterAll(() => service?.stop());

    const credential = permission ? { token: signToken({ a: [PERMISSION_IDS[permission]] }) } : {};
    const request = async (extra: object = {}) =>
      client.request(action, { ...credential, ...(await body(service)), ...extra });

    it('succeeds with its permission alone, on its own topic', async () => {
      const { message, reply } = await answered({});
      expect(reply).toMatchObject({ action, status: 'success' });
      expect(message.topic).toBe(`dh/response/${action}@${client.id}`);
    });

    if (permission)
      it('is 401 without a token', async () => {
        expect(await request({ token: undefined })).toMatchObject({ code: 401, error: 'Unauthorized' });
      });

    if (permission)
      it('is 403 with every other permission', async () => {
        const others = Object.entries(PERMISSION_IDS).flatMap(([name, id]) =>
          name === permission ? [] : [id],
        );
        const reply = await request({ token: signToken({ a: others }) });
        expect(reply).toMatchObject({ code: 403, error: 'Access is denied' });
      });

    it.each(wrong)('is 400 for %j', async (members) => {
      expect(await request(members)).toMatchObject({ action, status: 'error', code: 400 });
    });

    it('ignores fields that it does not know', async () => {
      expect(await request({ unknown: { deep: [1] }, status: 'error', code: 1 })).toMatchObject({
        status: 'success',
      });
    });

    it.each(['"text"', '5', '{"a":[1]}', '[null]', 'null', 'true', '12345678901234567890'])(
      'echoes the requestId %s',
      async (requestId) => {
        const fields = JSON.stringify({ ...credential, ...(await body(service)), action });
        const { text } = await client.send(`{"requestId":${requestId},${fields.slice(1)}`);
        expect(text).toContain(`"requestId":${requestId},"status":"success"`);
      },
    );

    it('answers exactly once, also when it refuses', async () => {
      const before = client.messages.length;
      await request();
      await request(wrong[0]);
      await client.request('no/such/action');
      expect(client.messages.length - before).toBe(3);
    });

    if (wrong.length > 0)
      it('logs one line for a refusal, with the action and the requestId', async () => {
        const lines = service.logger.lines.length;
        const { reply } = await answered(wrong[0]!);
        const added = service.logger.lines.slice(lines);
        expect(added).toHaveLength(1);
        expect(added[0]).toContain(action);
        expect(added[0]).toContain(String(reply.requestId));
      });

    async function answered(extra: object) {
      const reply = await request(extra);
      const message = client.messages.find(({ json }) => json.requestId === reply.requestId)!;
      return { reply, message };
    }
  });
}
