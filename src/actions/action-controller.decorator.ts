import { applyDecorators, Controller, UseFilters, UseGuards, UsePipes } from '@nestjs/common';
import { PATTERN_EXTRAS_METADATA, TRANSPORT_METADATA } from '@nestjs/microservices/constants.js';
import { PermissionGuard } from '../auth/permission.guard.js';
import { ActionExceptionFilter } from '../transport/action-exception.filter.js';
import { ActionValidationPipe } from '../transport/action-validation.pipe.js';
import { ACTION_EXTRAS, DEVICEHIVE } from '../transport/devicehive.context.js';

/**
 * A controller of DeviceHive actions: guard, pipe and filter in one. They are bound here and not globally,
 * because an application's global guards do not run for a connected microservice; the start refuses a
 * handler whose controller lacks this decorator, and one of another transport in a controller that has it.
 */
export function ActionController(): ClassDecorator {
  return applyDecorators(
    Controller(),
    UseGuards(PermissionGuard),
    UsePipes(ActionValidationPipe),
    UseFilters(ActionExceptionFilter),
    markActions,
  );
}

const ACTION_CONTROLLER = 'nest-devicehive:action-controller';

export const isActionController = (controller: Function): boolean =>
  Reflect.hasMetadata(ACTION_CONTROLLER, controller);

/** Runs after the decorators of the methods, so that their patterns are there. */
function markActions(controller: Function): void {
  Reflect.defineMetadata(ACTION_CONTROLLER, true, controller);
  const prototype = controller.prototype as object;
  for (const { value } of Object.values(Object.getOwnPropertyDescriptors(prototype))) {
    if (typeof value !== 'function' || Reflect.getMetadata(TRANSPORT_METADATA, value) !== DEVICEHIVE)
      continue;
    const extras: object = Reflect.getMetadata(PATTERN_EXTRAS_METADATA, value) ?? {};
    Reflect.defineMetadata(PATTERN_EXTRAS_METADATA, { ...extras, ...ACTION_EXTRAS }, value);
  }
}
