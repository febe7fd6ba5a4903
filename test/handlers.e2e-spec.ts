import { Controller, Module, type Type } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { Type as TransformTo } from 'class-transformer';
import { IsInt, Max } from 'class-validator';
import { describe, expect, it } from 'vitest';
import { ActionController } from '../src/actions/action-controller.decorator.js';
import { PublicAction, RequirePermission } from '../src/auth/require-permission.decorator.js';
import { DEVICEHIVE } from '../src/transport/devicehive.context.js';
import { TestService } from './support/service.js';

/** As a Nest developer writes one: class-validator and class-transformer alone. */
class OwnDto {
  @TransformTo(() => Number)
  @IsInt()
  @Max(5, { message: 'count must be 5 at most' })
  count!: number;
}

@ActionController()
class FirstController {
  @MessagePattern('reboot/schedule', DEVICEHIVE)
  @PublicAction()
  schedule() {
    return { status: 'mine', requestId: 'mine', action: 'mine', when: 'now' };
  }

  @MessagePattern('reboot/list', DEVICEHIVE)
  @PublicAction()
  list() {
    return ['a', 'b'];
  }

  @MessagePattern('reboot/echo', DEVICEHIVE)
  @PublicAction()
  echo(@Payload('deviceId') deviceId: string, @Payload() request: OwnDto) {
    return { deviceId, own: request.count };
  }

  @MessagePattern('reboot/crash', DEVICEHIVE)
  @RequirePermission('ManageUser')
  crash() {
    throw new Error('the database password is hunter2');
  }
}

@ActionController()
class SameActionController {
  @MessagePattern('reboot/schedule', DEVICEHIVE)
  @PublicAction()
  again() {}
}

@ActionController()
class UndeclaredController {
  @MessagePattern('reboot/undeclared', DEVICEHIVE)
  undeclared() {}
}

@Controller()
class UngatedController {
  @MessagePattern('reboot/ungated', DEVICEHIVE)
  @PublicAction()
  ungated() {}
}

@ActionController()
class UnreachableController {
  @MessagePattern('reboot/#', DEVICEHIVE)
  @PublicAction()
  unreachable() {}
}

@Controller()
class OtherTransportController {
  @MessagePattern('command/update')
  untagged() {
    return { wrong: true };
  }
}

@Module({ controllers: [FirstController] })
class FirstModule {}
@Module({ controllers: [SameActionController] })
class SameActionModule {}
@Module({ controllers: [UndeclaredController] })
class UndeclaredModule {}
@Module({ controllers: [UngatedController] })
class UngatedModule {}
@Module({ controllers: [UnreachableController] })
class UnreachableModule {}
@Module({ controllers: [OtherTransportController] })
class OtherTransportModule {}

describe('the start', () => {
  it.each<[string, Type[], string]>([
    [
      'two handlers for one action',
      [FirstModule, SameActionModule],
      'FirstController.schedule and SameActionController.again both answer the action reboot/schedule',
    ],
    [
      'a handler without a permission',
      [UndeclaredModule],
      'UndeclaredController.undeclared has no @RequirePermission()',
    ],
    [
      'a handler without its gate',
      [UngatedModule],
      'UngatedController.ungated is in a class without @ActionController()',
    ],
    [
      'an action that is no topic',
      [UnreachableModule],
      'UnreachableController.unreachable: "reboot/#" cannot be part of a topic',
    ],
  ])('is refused for %s, which is named', async (_, modules, problem) => {
    await expect(TestService.start({}, modules)).rejects.toThrow(problem);
  });
});

describe('an action module', () => {
  it('answers with its own fields, and cannot replace those of the envelope', async () => {
    const service = await TestService.start({}, [FirstModule]);
    try {
      const client = await service.connectAdmin();
      expect(await client.request('reboot/schedule')).toEqual({
        action: 'reboot/schedule',
        requestId: expect.any(String),
        status: 'success',
        when: 'now',
      });
    } finally {
      await service.stop();
    }
  });

  it('may take a member of the body, and a dto with decorators of class-validator alone', async () => {
    const service = await TestService.start({}, [FirstModule]);
    try {
      const client = await service.connect();
      expect(await client.request('reboot/echo', { deviceId: 'x', count: '3', other: 1 })).toMatchObject({
        status: 'success',
        deviceId: 'x',
        own: 3,
      });
      expect(await client.request('reboot/echo', { deviceId: 'x', count: 6 })).toMatchObject({
        code: 400,
        error: 'count must be 5 at most',
      });
    } finally {
      await service.stop();
    }
  });

  it('that answers with something else than an object is answered 500, and the log says why', async () => {
    const service = await TestService.start({}, [FirstModule]);
    try {
      const client = await service.connect();
      expect(await client.request('reboot/list')).toMatchObject({
        code: 500,
        error: 'Internal server error',
      });
      expect(service.logger.lines.join()).toContain(
        'The handler of reboot/list must return an object or nothing',
      );
    } finally {
      await service.stop();
    }
  });

  it('that throws is answered 500 without a word of why, which the log has once', async () => {
    const service = await TestService.start({}, [FirstModule]);
    try {
      const client = await service.connectAdmin();
      const reply = await client.request('reboot/crash');
      expect(reply).toMatchObject({ code: 500, error: 'Internal server error' });
      expect(JSON.stringify(reply)).not.toContain('hunter2');
      expect(service.logger.lines.filter((line) => line.includes('hunter2'))).toHaveLength(1);
    } finally {
      await service.stop();
    }
  });

  it('of another transport is not reachable here', async () => {
    const service = await TestService.start({}, [OtherTransportModule]);
    try {
      const client = await service.connectAdmin();
      expect(await client.request('command/update')).toMatchObject({ code: 400 });
    } finally {
      await service.stop();
    }
  });
});
