import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { PATTERN_EXTRAS_METADATA } from '@nestjs/microservices/constants.js';
import { OwnPermissions } from '../auth/own-permissions.js';
import { requirementsOf } from '../auth/require-permission.decorator.js';
import { isActionName } from '../protocol/topics.js';
import { isAction } from '../transport/devicehive.context.js';
import { isActionController } from './action-controller.decorator.js';
import { type Handler, handlersOf, otherHandlersOf } from './handlers.js';
import { payloadsOf, problemOf } from './payloads.js';

/** Stops the start, naming the culprit, where a handler could be reached without its gate, with a body that nothing checks, or not at all. */
@Injectable()
export class HandlerCheck implements OnModuleInit {
  private readonly logger = new Logger('Actions');

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly permissions: OwnPermissions,
  ) {}

  onModuleInit(): void {
    const owners = new Map<string, string>();
    const controllers = this.discovery.getControllers().flatMap(({ metatype }) => metatype ?? []);
    const [stray] = controllers.filter(isActionController).flatMap(otherHandlersOf);
    if (stray !== undefined) {
      throw new Error(
        `${stray} is in a class with @ActionController() and answers no action: ` +
          'add DEVICEHIVE as second argument of its @MessagePattern(), or move it to a class with @Controller()',
      );
    }
    for (const handler of controllers.flatMap(handlersOf)) {
      const { name, method, actions } = handler;
      const [requirement, second] = requirementsOf(method);
      if (requirement === undefined) {
        throw new Error(`${name} has no @RequirePermission() (or @PublicAction()): say who may call it`);
      }
      if (second !== undefined) {
        throw new Error(
          `${name} says twice who may call it: leave one @RequirePermission() or @PublicAction()`,
        );
      }
      if (!isAction(Reflect.getMetadata(PATTERN_EXTRAS_METADATA, method) as object | undefined)) {
        throw new Error(`${name} is in a class without @ActionController(): nothing would check its callers`);
      }
      refuseUncheckable(handler);
      for (const permission of requirement ?? []) this.permissions.declare(permission, name);
      for (const action of actions) {
        const other = owners.get(action);
        if (other) throw new Error(`${other} and ${name} both answer the action ${action}: remove one`);
        if (!isActionName(action))
          throw new Error(`${name}: "${action}" cannot be part of a topic, rename it`);
        owners.set(action, name);
      }
    }
    const { names } = this.permissions;
    if (names.length > 0) this.logger.log(`Permissions beside those of DeviceHive: ${names.join(', ')}`);
  }
}

function refuseUncheckable(handler: Handler): void {
  for (const payload of payloadsOf(handler)) {
    const problem = problemOf(payload, handler.name);
    if (problem !== undefined) throw new Error(problem);
  }
}
