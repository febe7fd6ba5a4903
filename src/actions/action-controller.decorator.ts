import { applyDecorators, Controller, UseFilters, UseGuards, UsePipes } from '@nestjs/common';
import { PermissionGuard } from '../auth/permission.guard.js';
import { ActionExceptionFilter } from '../transport/action-exception.filter.js';
import { ActionValidationPipe } from '../transport/action-validation.pipe.js';

const ACTION_CONTROLLER = 'nest-devicehive:action-controller';

/**
 * A controller of DeviceHive actions: guard, pipe and filter in one. They are bound here and not globally,
 * because an application's global guards do not run for a connected microservice; the start refuses a
 * handler whose controller lacks this decorator.
 */
export function ActionController(): ClassDecorator {
  return applyDecorators(
    Controller(),
    UseGuards(PermissionGuard),
    UsePipes(ActionValidationPipe),
    UseFilters(ActionExceptionFilter),
    (target: object) => Reflect.defineMetadata(ACTION_CONTROLLER, true, target),
  );
}

export function isActionController(controller: object): boolean {
  return Reflect.getMetadata(ACTION_CONTROLLER, controller) === true;
}
