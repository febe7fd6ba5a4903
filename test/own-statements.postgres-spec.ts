import { Module } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ActionController } from '../src/actions/action-controller.decorator.js';
import { PublicAction } from '../src/auth/require-permission.decorator.js';
import { DATA_SOURCE } from '../src/database/data-source.name.js';
import { DEVICEHIVE } from '../src/transport/devicehive.context.js';
import type { TestClient } from './support/client.js';
import { TestService } from './support/service.js';

/** Statements that are sent before the one that answers. */
let failing: string[] = [];
/** What happens before all statements of the next execution but the first. */
let inBetween: (() => Promise<void>) | undefined;
let executions = 0;

const LOSES_ITS_CONNECTION = 'SELECT pg_terminate_backend(pg_backend_pid())';
const MEETS_A_LOCK = `DO $$ BEGIN RAISE lock_not_available; END $$`;
const IS_CANCELLED = `DO $$ BEGIN RAISE query_canceled; END $$`;
const FINDS_NO_ROOM = `DO $$ BEGIN RAISE too_many_connections; END $$`;
const IS_WRONG = 'SELECT 1 / 0';

@ActionController()
class LampController {
  constructor(@InjectDataSource(DATA_SOURCE) private readonly dataSource: DataSource) {}

  @MessagePattern('lamp/once', DEVICEHIVE)
  @PublicAction()
  once() {
    return this.answer();
  }

  @MessagePattern('lamp/repeatable', DEVICEHIVE, { isRepeatable: true })
  @PublicAction()
  repeatable() {
    return this.answer();
  }

  private async answer() {
    executions++;
    if (inBetween) {
      await this.dataSource.query('SELECT 1');
      await inBetween();
    }
    const statement = failing.shift();
    if (statement) await this.dataSource.query(statement);
    const [row] = await this.dataSource.query<{ lamp: string }[]>(`SELECT 'on' AS lamp`);
    return row;
  }
}

@Module({ controllers: [LampController] })
class LampModule {}

let service: TestService;
let client: TestClient;

beforeAll(async () => {
  service = await TestService.start({}, [LampModule]);
  client = await service.connect();
});
afterAll(() => service?.stop());

describe("a statement of an extension's own", () => {
  it.each([
    ['whose connection breaks', LOSES_ITS_CONNECTION, 503, 'Outcome unknown, it may have been applied'],
    ['that waits for a lock in vain', MEETS_A_LOCK, 503, 'The row is locked by somebody else, try again'],
    ['that PostgreSQL refuses', IS_WRONG, 500, 'Internal server error'],
  ])(
    '%s is answered as one of our own, and the next request is served',
    async (_, statement, code, error) => {
      failing = [statement];
      expect(await client.request('lamp/once')).toMatchObject({ status: 'error', code, error });
      expect(await client.request('lamp/once')).toMatchObject({ status: 'success', lamp: 'on' });
    },
  );

  it.each([
    ['is cancelled', IS_CANCELLED, 500, 'Internal server error'],
    ['finds no room', FINDS_NO_ROOM, 503, 'Outcome unknown, it may have been applied'],
  ])(
    'that %s does not have its action run once more: those before may have stored something',
    async (_, statement, code, error) => {
      failing = [statement, statement];
      expect(await client.request('lamp/once')).toMatchObject({ status: 'error', code, error });
      expect(failing).toEqual([statement]);
    },
  );

  it('whose connection breaks is tried again if its action is repeatable', async () => {
    failing = [LOSES_ITS_CONNECTION, LOSES_ITS_CONNECTION];
    expect(await client.request('lamp/repeatable')).toMatchObject({ status: 'success', lamp: 'on' });
    expect(failing).toEqual([]);
  });

  it('that finds no connection does not have its action run once more, unless it is repeatable', async () => {
    const { url } = service.dataSource.options as { url: string };
    const name = new URL(url).pathname.slice(1);
    const operator = await new DataSource({
      type: 'postgres',
      url: process.env.TEST_DATABASE_URL,
    }).initialize();
    const connections = (allowed: boolean) =>
      operator.query(`ALTER DATABASE "${name}" ALLOW_CONNECTIONS ${allowed}`);
    executions = 0;
    inBetween = async () => {
      inBetween = undefined;
      await connections(false);
      await operator.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
      );
    };
    try {
      expect(await client.request('lamp/once')).toMatchObject({
        code: 503,
        error: 'Outcome unknown, it may have been applied',
      });
      expect(executions).toBe(1);
      const repeated = client.request('lamp/repeatable');
      await expect.poll(() => executions).toBeGreaterThan(2);
      await connections(true);
      expect(await repeated).toMatchObject({ status: 'success', lamp: 'on' });
    } finally {
      await connections(true);
      await operator.destroy();
    }
  });
});
