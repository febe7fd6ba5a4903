import { Controller, Module, type PipeTransform, type Type, UsePipes } from '@nestjs/common';
import { EventPattern, MessagePattern, Payload, Transport } from '@nestjs/microservices';
import { Type as TransformTo } from 'class-transformer';
import { IsInt, Max, ValidateNested } from 'class-validator';
import { concat, EMPTY, NEVER, of, throwError } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { ActionController } from '../src/actions/action-controller.decorator.js';
import { PublicAction, RequirePermission } from '../src/auth/require-permission.decorator.js';
import { ActionError } from '../src/protocol/action-error.js';
import { DEVICEHIVE, type DeviceHiveContext } from '../src/transport/devicehive.context.js';
import { DeviceHiveServer } from '../src/transport/devicehive.server.js';
import { NestedField, TextField } from '../src/transport/dto/dto-fields.js';
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

  @MessagePattern('reboot/stream', DEVICEHIVE)
  @PublicAction()
  stream() {
    return concat(of({ value: 1 }, { value: 2 }), NEVER);
  }

  @MessagePattern('reboot/empty', DEVICEHIVE)
  @PublicAction()
  empty() {
    return EMPTY;
  }

  @MessagePattern('reboot/refusing', DEVICEHIVE)
  @PublicAction()
  refusing() {
    return throwError(() => new ActionError(409, 'it reboots already'));
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

@ActionController()
class PublicFirstController {
  @MessagePattern('reboot/contradictory', DEVICEHIVE)
  @PublicAction()
  @RequirePermission('ManageReboot')
  contradictory() {}
}

@ActionController()
class TwoPermissionsController {
  @MessagePattern('reboot/contradictory', DEVICEHIVE)
  @RequirePermission('ManageReboot')
  @RequirePermission('ManageUser')
  contradictory() {}
}

@ActionController()
class PublicLastController {
  @MessagePattern('reboot/contradictory', DEVICEHIVE)
  @RequirePermission('ManageReboot')
  @PublicAction()
  contradictory() {}
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

  @EventPattern('command/insert', Transport.TCP)
  raw(@Payload() _body: unknown) {}
}

@ActionController()
class UntaggedController {
  @MessagePattern('reboot/untagged')
  @PublicAction()
  untagged() {}
}

@ActionController()
class OtherwiseTaggedController {
  @MessagePattern('reboot/tagged', Transport.TCP)
  @PublicAction()
  tagged() {}
}

class BareDto {
  at!: string;
}

@ActionController()
class BareDtoController {
  @MessagePattern('reboot/bare', DEVICEHIVE)
  @PublicAction()
  bare(@Payload() { at }: BareDto) {
    return { at };
  }
}

@ActionController()
class BareMemberController {
  @MessagePattern('reboot/bare-member', DEVICEHIVE)
  @PublicAction()
  bare(@Payload('at') at: Date) {
    return { at };
  }
}

@ActionController()
class ClasslessController {
  @MessagePattern('reboot/classless', DEVICEHIVE)
  @PublicAction()
  classless(@Payload() body: Record<string, unknown>) {
    return body;
  }
}

@ActionController()
class TypeOnlyController {
  @MessagePattern('reboot/type-only', DEVICEHIVE)
  @PublicAction()
  typeOnly(@Payload() { count }: OwnDto) {
    return { count };
  }
}
// What TypeScript emits where OwnDto comes by `import type`.
Reflect.defineMetadata('design:paramtypes', [Function], TypeOnlyController.prototype, 'typeOnly');

@ActionController()
class UntypedController {
  @MessagePattern('reboot/untyped', DEVICEHIVE)
  @PublicAction()
  untyped(@Payload() { count }: OwnDto) {
    return { count };
  }
}
// As without emitDecoratorMetadata.
Reflect.deleteMetadata('design:paramtypes', UntypedController.prototype, 'untyped');

class InheritingDto extends OwnDto {}
class InsideDto {
  @TextField() name?: string;
}
class NestingDto {
  @NestedField(() => InsideDto) inside?: InsideDto;
}
class InheritingFieldsDto extends NestingDto {}
class ValidatingDto {
  @ValidateNested() @TransformTo(() => OwnDto) inside!: OwnDto;
}
const asItIs: PipeTransform = { transform: (value: unknown) => value };

@ActionController()
class CheckableController {
  @MessagePattern('reboot/inheriting', DEVICEHIVE)
  @PublicAction()
  inheriting(@Payload() { count }: InheritingDto) {
    return { count };
  }

  @MessagePattern('reboot/fields', DEVICEHIVE)
  @PublicAction()
  fields(@Payload() { inside }: InheritingFieldsDto) {
    return { inside };
  }

  @MessagePattern('reboot/validating', DEVICEHIVE)
  @PublicAction()
  validating(@Payload() { inside }: ValidatingDto) {
    return { inside };
  }

  @MessagePattern('reboot/members', DEVICEHIVE)
  @PublicAction()
  members(@Payload('list') list: number[], @Payload('object') object: object) {
    return { list, object };
  }

  @MessagePattern('reboot/piped', DEVICEHIVE)
  @PublicAction()
  piped(@Payload(asItIs) { count }: Record<string, unknown>) {
    return { count };
  }

  @MessagePattern('reboot/method-piped', DEVICEHIVE)
  @PublicAction()
  @UsePipes(asItIs)
  methodPiped(@Payload() { count }: Record<string, unknown>) {
    return { count };
  }
}

@Module({ controllers: [FirstController] })
class FirstModule {}
@Module({ controllers: [SameActionController] })
class SameActionModule {}
@Module({ controllers: [UndeclaredController] })
class UndeclaredModule {}
@Module({ controllers: [PublicFirstController] })
class PublicFirstModule {}
@Module({ controllers: [TwoPermissionsController] })
class TwoPermissionsModule {}
@Module({ controllers: [PublicLastController] })
class PublicLastModule {}
@Module({ controllers: [UngatedController] })
class UngatedModule {}
@Module({ controllers: [UnreachableController] })
class UnreachableModule {}
@Module({ controllers: [OtherTransportController] })
class OtherTransportModule {}
@Module({ controllers: [UntaggedController] })
class UntaggedModule {}
@Module({ controllers: [OtherwiseTaggedController] })
class OtherwiseTaggedModule {}
@Module({ controllers: [BareDtoController] })
class BareDtoModule {}
@Module({ controllers: [BareMemberController] })
class BareMemberModule {}
@Module({ controllers: [ClasslessController] })
class ClasslessModule {}
@Module({ controllers: [TypeOnlyController] })
class TypeOnlyModule {}
@Module({ controllers: [UntypedController] })
class UntypedModule {}
@Module({ controllers: [CheckableController] })
class CheckableModule {}

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
      'a handler that is public above its permission',
      [PublicFirstModule],
      'PublicFirstController.contradictory says twice who may call it: leave one @RequirePermission() or @PublicAction()',
    ],
    [
      'a handler that is public below its permission',
      [PublicLastModule],
      'PublicLastController.contradictory says twice who may call it: leave one @RequirePermission() or @PublicAction()',
    ],
    [
      'a handler with two permissions, of which one would not count',
      [TwoPermissionsModule],
      'TwoPermissionsController.contradictory says twice who may call it: leave one',
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
    [
      'a handler that names no transport, in a class of actions',
      [UntaggedModule],
      'UntaggedController.untagged is in a class with @ActionController() and answers no action: ' +
        'add DEVICEHIVE as second argument',
    ],
    [
      'a handler of another transport in a class of actions',
      [OtherwiseTaggedModule],
      'OtherwiseTaggedController.tagged is in a class with @ActionController() and answers no action',
    ],
    [
      'a dto without decorators',
      [BareDtoModule],
      'BareDto has no decorators of nest-devicehive or class-validator: nothing of the request would reach BareDtoController.bare',
    ],
    [
      'a member whose class has no decorators',
      [BareMemberModule],
      'Date has no decorators of nest-devicehive or class-validator: nothing of the request would reach BareMemberController.bare',
    ],
    [
      'a body without a class',
      [ClasslessModule],
      'ClasslessController.classless: its @Payload() has no class: ' +
        'import the dto without `type`, and compile with emitDecoratorMetadata',
    ],
    [
      'a dto that is imported as a type',
      [TypeOnlyModule],
      'TypeOnlyController.typeOnly: its @Payload() has no class',
    ],
    [
      'parameters of which the compiler has told nothing',
      [UntypedModule],
      'UntypedController.untyped: its @Payload() has no class',
    ],
  ])('is refused for %s, which is named', async (_, modules, problem) => {
    await expect(TestService.start({}, modules)).rejects.toThrow(problem);
  });
});

describe('an action module', () => {
  it('may have dtos that inherit or nest, members of any type, and pipes of its own', async () => {
    const service = await TestService.start({}, [CheckableModule]);
    try {
      const client = await service.connect();
      const answers = async (action: string, body: object, reply: object = body) =>
        expect(await client.request(action, body)).toMatchObject({ status: 'success', ...reply });
      await answers('reboot/inheriting', { count: 3 });
      await answers('reboot/fields', { inside: { name: 'x' } });
      await answers('reboot/validating', { inside: { count: 3 } });
      await answers('reboot/members', { list: [1], object: { a: 1 } });
      await answers('reboot/piped', { count: 3 });
      await answers('reboot/method-piped', { count: 3 });
    } finally {
      await service.stop();
    }
  });

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

  it('that returns an observable answers its first value, nothing, or its error', async () => {
    const service = await TestService.start({}, [FirstModule]);
    try {
      const client = await service.connect();
      expect(await client.request('reboot/stream')).toMatchObject({ status: 'success', value: 1 });
      expect(await client.request('reboot/empty')).toMatchObject({ status: 'success' });
      expect(await client.request('reboot/refusing')).toMatchObject({
        code: 409,
        error: 'it reboots already',
      });
    } finally {
      await service.stop();
    }
  });

  it('runs between the hooks that the application sets, once', async () => {
    const service = await TestService.start({}, [FirstModule]);
    try {
      const seen: string[] = [];
      const server = service.app.get(DeviceHiveServer);
      server.setOnProcessingStartHook((transport, context, done) => {
        seen.push(`${String(transport)} ${(context as DeviceHiveContext).request.action} begins`);
        return done();
      });
      server.setOnProcessingEndHook((_, context) => {
        seen.push(`${(context as DeviceHiveContext).request.action} ends`);
      });
      const client = await service.connectAdmin();
      for (const [action, reply] of [
        ['server/info', { status: 'success' }],
        ['reboot/stream', { status: 'success' }],
        ['reboot/empty', { status: 'success' }],
        ['reboot/refusing', { code: 409 }],
        ['reboot/crash', { code: 500 }],
      ] as const) {
        seen.length = 0;
        expect(await client.request(action)).toMatchObject(reply);
        expect(seen).toEqual([`Symbol(nest-devicehive) ${action} begins`, `${action} ends`]);
      }
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
