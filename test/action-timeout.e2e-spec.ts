import {
  type CanActivate,
  Injectable,
  Logger,
  Module,
  type PipeTransform,
  UseGuards,
  UsePipes,
} from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { concat, NEVER, of } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { ActionController } from '../src/actions/action-controller.decorator.js';
import { ApiAction } from '../src/actions/api-action.decorator.js';
import { PublicAction } from '../src/auth/require-permission.decorator.js';
import { ActionError } from '../src/protocol/action-error.js';
import { DEVICEHIVE } from '../src/transport/devicehive.context.js';
import { DeviceHiveServer } from '../src/transport/devicehive.server.js';
import { connectRawAdmin, SAMPLE_DEVICE, TestService } from './support/service.js';

const never = (): Promise<never> => new Promise(() => {});

/** What `slow/wait` waits for, until a test ends it. */
let ended: { resolve: (value: object) => void; reject: (error: Error) => void };
const wait = () => new Promise<object>((resolve, reject) => (ended = { resolve, reject }));

@Injectable()
class HangingGuard implements CanActivate {
  canActivate = never;
}
const hangingPipe: PipeTransform = { transform: never };

@ActionController()
class SlowController {
  @MessagePattern('slow/never', DEVICEHIVE)
  @PublicAction()
  @ApiAction({ reply: {}, errors: [] })
  never() {
    return never();
  }

  @MessagePattern('slow/wait', DEVICEHIVE)
  @PublicAction()
  wait() {
    return wait();
  }

  @MessagePattern('slow/guard', DEVICEHIVE)
  @PublicAction()
  @UseGuards(HangingGuard)
  guard() {}

  @MessagePattern('slow/pipe', DEVICEHIVE)
  @PublicAction()
  @UsePipes(hangingPipe)
  pipe(@Payload() _body: object) {}

  @MessagePattern('slow/silent', DEVICEHIVE)
  @PublicAction()
  silent() {
    return NEVER;
  }

  @MessagePattern('slow/once', DEVICEHIVE)
  @PublicAction()
  once() {
    return concat(of({ value: 1 }), NEVER);
  }

  @MessagePattern('slow/ordered', DEVICEHIVE, { inOrderOf: 'deviceId' })
  @PublicAction()
  ordered(@Payload('hangs') hangs: boolean) {
    return hangs ? never() : { hangs };
  }

  @MessagePattern('slow/patient', DEVICEHIVE, { timeoutMs: 60_000 })
  @PublicAction()
  patient() {
    return wait();
  }

  @MessagePattern('slow/unset', DEVICEHIVE, { timeoutMs: undefined })
  @PublicAction()
  unset() {
    return never();
  }

  @MessagePattern('slow/hasty', DEVICEHIVE, { timeoutMs: 1 })
  @PublicAction()
  hasty() {
    return never();
  }
}

@Module({ controllers: [SlowController] })
class SlowModule {}

@ActionController()
class WrongController {
  @MessagePattern('slow/wrong', DEVICEHIVE, { timeoutMs: -5 })
  @PublicAction()
  wrong() {}
}

@Module({ controllers: [WrongController] })
class WrongModule {}

const TIMEOUT = { code: 504, error: 'The action took longer than 200 ms' };

let service: TestService;

beforeAll(async () => {
  service = await TestService.start({ ACTION_TIMEOUT_MS: '200' }, [SlowModule]);
});
afterEach(() => {
  vi.restoreAllMocks();
});
afterAll(() => service?.stop());

describe('an action of an extension that never ends', () => {
  it('is answered 504 and acknowledged, and the replies behind it follow', async () => {
    const client = await connectRawAdmin(service.mqttUrl, 'behind');
    await client.subscribe('dh/response/#');
    client.publish('{"action":"slow/never","requestId":{"is":"any"}}', { qos: 1, messageId: 1 });
    client.publish('{"action":"server/info","requestId":2}', { qos: 1, messageId: 2 });
    await client.packet('puback', ({ messageId }) => messageId === 2);
    await client.packet('publish', ({ topic }) => topic === 'dh/response/server/info@behind');
    const sent = client.packets.flatMap((packet) => {
      if (packet.cmd === 'puback') return [packet.messageId];
      if (packet.cmd !== 'publish') return [];
      const { requestId, code } = JSON.parse(packet.payload.toString());
      return [[packet.topic, requestId, code]];
    });
    expect(sent).toEqual([
      1,
      ['dh/response/slow/never@behind', { is: 'any' }, 504],
      2,
      ['dh/response/server/info@behind', 2, undefined],
    ]);
    client.end();
  });

  it('has one line in the log, a warning with the action, the client and the requestId', async () => {
    const warn = vi.spyOn(service.logger, 'warn');
    const before = service.logger.lines.length;
    const client = await service.connect({ clientId: 'waits' });
    const { requestId, ...reply } = await client.request('slow/never');
    expect(reply).toEqual({ action: 'slow/never', status: 'error', ...TIMEOUT });
    expect(warn.mock.calls.map(([line]) => line)).toEqual([
      'Its handler has not ended and is given up: ' +
        `"slow/never": 504 "The action took longer than 200 ms" (client "waits", request "${requestId}")`,
    ]);
    expect(service.logger.lines.slice(before)).toHaveLength(1);
  });

  it.each(['never', 'guard', 'pipe', 'silent'])(
    'at QoS 1 and QoS 0, be it the handler or what is before it: slow/%s',
    async (name) => {
      const client = await service.connect();
      const replies = [1, 0].map((qos) => client.request(`slow/${name}`, {}, qos as 0 | 1));
      for (const reply of await Promise.all(replies)) expect(reply).toMatchObject(TIMEOUT);
    },
  );

  it('between hooks of the application too', async () => {
    const own = await TestService.start({ ACTION_TIMEOUT_MS: '200' }, [SlowModule]);
    try {
      own.app.get(DeviceHiveServer).setOnProcessingStartHook((_transport, _context, done) => done());
      const client = await own.connect();
      expect(await client.request('slow/never')).toMatchObject(TIMEOUT);
      expect(await client.request('slow/silent')).toMatchObject(TIMEOUT);
    } finally {
      await own.stop();
    }
  });

  it('answers the first value of an observable that does not complete', async () => {
    const client = await service.connect();
    expect(await client.request('slow/once')).toMatchObject({ status: 'success', value: 1 });
  });

  it('is given up after its own time where it says one', async () => {
    const client = await service.connect();
    const patient = client.request('slow/patient');
    expect(await client.request('slow/hasty', {}, 0)).toMatchObject({
      code: 504,
      error: 'The action took longer than 1 ms',
    });
    expect(await client.request('slow/never', {}, 0)).toMatchObject(TIMEOUT);
    ended.resolve({ patient: true });
    expect(await patient).toMatchObject({ status: 'success', patient: true });
  });

  it('gives back its place, and its serial queue goes on', async () => {
    const small = await TestService.start({ ACTION_TIMEOUT_MS: '200', MAX_IN_FLIGHT: '1' }, [SlowModule]);
    try {
      const [client, other] = [await small.connect(), await small.connect()];
      const ordered = (hangs: boolean) => client.request('slow/ordered', { deviceId: 'x', hangs });
      const replies = [ordered(true), ordered(true), ordered(false), other.request('slow/once')];
      expect((await Promise.all(replies)).map(({ code, status }) => code ?? status)).toEqual([
        504,
        504,
        'success',
        'success',
      ]);
    } finally {
      await small.stop();
    }
  });
});

describe('an action of an extension that ends late', () => {
  it.each<[string, (late: typeof ended) => void, string[]]>([
    ['with a result', (late) => late.resolve({ late: true }), []],
    [
      'with an error',
      (late) => late.reject(new Error('late')),
      ['"slow/wait" has failed after its answer 504: Error: late'],
    ],
    [
      'with a refusal',
      (late) => late.reject(new ActionError(409, 'late')),
      ['"slow/wait" has failed after its answer 504: ActionError: late'],
    ],
  ])('%s changes nothing: the request has its one reply', async (_, end, debugged) => {
    const client = await service.connect();
    expect(await client.request('slow/wait')).toMatchObject(TIMEOUT);
    const debug = vi.spyOn(Logger.prototype, 'debug');
    const unhandled = vi.fn<(reason: unknown) => void>();
    process.on('unhandledRejection', unhandled);
    try {
      const { length } = service.logger.lines;
      end(ended);
      expect(await client.request('slow/once')).toMatchObject({ status: 'success' });
      expect(client.messages.filter(({ topic }) => topic.includes('slow/wait'))).toHaveLength(1);
      expect(service.logger.lines.slice(length)).toEqual([]);
      expect(debug.mock.calls.map(([line]) => line)).toEqual(debugged);
      expect(unhandled).not.toHaveBeenCalled();
    } finally {
      process.off('unhandledRejection', unhandled);
    }
  });
});

describe('ACTION_TIMEOUT_MS', () => {
  it('counts for no action of DeviceHive, however long it takes', async () => {
    const hasty = await TestService.start({ ACTION_TIMEOUT_MS: '1' }, [SlowModule]);
    try {
      const client = await hasty.connectAdmin();
      const id = await hasty.insertCommand();
      const { unlock } = await hasty.lock(id);
      const update = client.request('command/update', {
        deviceId: SAMPLE_DEVICE,
        commandId: id,
        command: { status: 'slow' },
      });
      for (let n = 0; n < 20; n++)
        expect(await client.request('slow/never', {}, 0)).toMatchObject({ code: 504 });
      await unlock();
      expect(await update).toMatchObject({ status: 'success' });
    } finally {
      await hasty.stop();
    }
  });

  it('of 0 is none', async () => {
    const endless = await TestService.start({ ACTION_TIMEOUT_MS: '0' }, [SlowModule]);
    try {
      const client = await endless.connect();
      const waits = client.request('slow/wait', {}, 0);
      for (let n = 0; n < 20; n++)
        expect(await client.request('slow/hasty', {}, 0)).toMatchObject({ code: 504 });
      ended.resolve({ ended: true });
      expect(await waits).toMatchObject({ status: 'success', ended: true });
    } finally {
      await endless.stop();
    }
  });
});

describe('a service with a handler that never ends', () => {
  it('stops within the time that it gives requests at work', async () => {
    const stopping = await TestService.start({}, [SlowModule]);
    const client = await connectRawAdmin(stopping.mqttUrl, 'left');
    client.publish('{"action":"slow/wait"}', { qos: 1, messageId: 1 });
    client.publish('{"action":"server/info"}', { qos: 1, messageId: 2 });
    client.write({ cmd: 'pingreq' });
    await client.packet('pingresp');
    const before = performance.now();
    await stopping.app.close();
    expect(performance.now() - before).toBeLessThan(10_000);
    expect(client.packets.filter(({ cmd }) => cmd === 'puback')).toEqual([]);
    // What comes of it now finds a service that has ended.
    ended.reject(new Error('late'));
    await stopping.stop();
  });
});

it('an action whose timeoutMs is undefined has the usual limit', async () => {
  const client = await service.connect();
  expect(await client.request('slow/unset')).toMatchObject(TIMEOUT);
});

it('an action whose timeoutMs is no number of milliseconds stops the start', async () => {
  await expect(TestService.start({}, [WrongModule])).rejects.toThrow(
    'timeoutMs of slow/wrong must be a whole number of milliseconds, or 0 for no limit',
  );
});
