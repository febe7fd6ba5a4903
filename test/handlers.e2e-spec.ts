import { Controller, Module, type Type } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import { describe, expect, it } from 'vitest';
import { ActionController } from '../src/actions/action-controller.decorator.js';
import { PublicAction, RequirePermission } from '../src/auth/require-permission.decorator.js';
import { DEVICEHIVE } from '../src/transport/devicehive.context.js';
import { TestService } from './support/service.js';

@ActionController()
class FirstController {
  @MessagePattern('reboot/schedule', DEVICEHIVE)
  @PublicAction()
  schedule() {
    return { status: 'mine', requestId: 'mine', action: 'mine', when: 'now' };
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
