import assert from 'node:assert/strict';
import { ACCESS } from '../auth/token-payload.js';
import { TokenService } from '../auth/token.service.js';
import type { DeviceHiveExtras } from '../devicehive.options.js';
import { PERMISSION_IDS, type PermissionId } from '../protocol/permissions.js';
import { ContractClient } from './contract-client.js';
import { type ContractService, startContractService } from './contract-service.js';
import { runner } from './runner.js';

const START_MS = 120_000;
const REQUEST_IDS = ['"text"', '5', '{"a":[1]}', '[null]', 'null', 'true', '12345678901234567890'];

/** What there is to know of an action, and the modules that make it up. */
export interface ActionContract<Service extends ContractService = ContractService> extends DeviceHiveExtras {
  /** e.g. `reboot/schedule` */
  action: string;
  /** one that suffices, or `null` for an action that anybody may call */
  permission: string | null;
  /** A body that succeeds, made anew for each request. `SAMPLE.deviceId` is a device that there is. */
  body: (service: Service) => Promise<object> | object;
  /** members that make the body wrong, each alone; none for an action that reads nothing of it */
  wrong: object[];
  /** a service of one's own; unless told, one in this process with an embedded database and a built-in broker */
  start?: (extras: DeviceHiveExtras) => Promise<Service>;
}

/** The tests that every action must pass, whoever wrote it. With Vitest, or a runner that has the same globals. */
export function describeActionContract<Service extends ContractService = ContractService>(
  contract: ActionContract<Service>,
): void {
  const { describe, it, beforeAll, afterAll } = runner;
  const { action, permission, body, wrong, start, ...extras } = contract;

  describe(`${action} keeps the contract of every action:`, () => {
    let service: Service;
    let client: ContractClient;

    beforeAll(async () => {
      service = await (start ?? (startContractService as unknown as NonNullable<typeof start>))(extras);
      client = await ContractClient.connect(service.mqttUrl);
    }, START_MS);
    afterAll(async () => {
      await client?.end();
      await service?.stop();
    });

    const tokenOf = (a: PermissionId[]) =>
      service.app.get(TokenService).sign(ACCESS, { u: 1, a, n: ['*'], dt: ['*'] });
    const validBody = async () => ({
      ...(permission === null ? {} : { token: await tokenOf([idOf(permission)]) }),
      ...(await body(service)),
    });
    const request = async (extra: object = {}) =>
      client.request(action, { ...(await validBody()), ...extra });
    const refused = async (members: object, code: number, error?: string) => {
      const { json } = await request(members);
      assert.deepEqual(
        { action: json.action, status: json.status, code: json.code },
        { action, status: 'error', code },
      );
      if (error !== undefined) assert.equal(json.error, error);
    };

    it('succeeds with its permission alone, on its own topic', async () => {
      const { topic, json } = await request();
      assert.deepEqual([json.action, json.status], [action, 'success'], json.error as string);
      assert.equal(topic, `dh/response/${action}@${client.id}`);
    });

    if (permission !== null) {
      it('is 401 without a token', async () => {
        await refused({ token: undefined }, 401, 'Unauthorized');
      });

      it('is 403 with every other permission', async () => {
        const others = Object.values(PERMISSION_IDS).filter((id) => id !== idOf(permission));
        await refused({ token: await tokenOf(others) }, 403, 'Access is denied');
      });
    }

    for (const members of wrong) {
      it(`is 400 for ${JSON.stringify(members)}`, async () => {
        await refused(members, 400);
      });
    }

    it('ignores fields that it does not know', async () => {
      const { json } = await request({ unknown: { deep: [1] }, status: 'error', code: 1 });
      assert.equal(json.status, 'success');
    });

    for (const requestId of REQUEST_IDS) {
      it(`echoes the requestId ${requestId}`, async () => {
        const fields = JSON.stringify({ ...(await validBody()), action });
        const { text } = await client.send(`{"requestId":${requestId},${fields.slice(1)}`);
        assert.ok(text.includes(`"requestId":${requestId},"status":"success"`), text);
      });
    }

    it('answers exactly once, also when it refuses', async () => {
      const before = client.replies.length;
      await request();
      await request(wrong[0]);
      await client.request('no/such/action', {});
      assert.equal(client.replies.length - before, 3);
    });

    if (wrong.length > 0) {
      it('logs one line for the first refusal of a client, with the action and the requestId', async () => {
        const newcomer = await ContractClient.connect(service.mqttUrl);
        const before = service.logger.lines.length;
        const { json } = await newcomer.request(action, { ...(await validBody()), ...wrong[0] });
        await newcomer.end();
        const added = service.logger.lines.slice(before);
        const ofRequest = added.filter((line) => line.includes(String(json.requestId)));
        assert.equal(ofRequest.length, 1, added.join('\n'));
        assert.ok(ofRequest[0]!.includes(action), ofRequest[0]);
      });
    }
  });
}

/** As a token carries it. */
function idOf(permission: string): PermissionId {
  return Object.hasOwn(PERMISSION_IDS, permission)
    ? PERMISSION_IDS[permission as keyof typeof PERMISSION_IDS]
    : permission;
}
