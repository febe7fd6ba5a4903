import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { PATTERN_EXTRAS_METADATA } from '@nestjs/microservices/constants.js';
import { OwnPermissions } from '../auth/own-permissions.js';
import { requirementOf } from '../auth/require-permission.decorator.js';
import { isActionName } from '../protocol/topics.js';
import { isAction } from '../transport/devicehive.context.js';
import { handlersOf } from './handlers.js';

/** Stops the start, naming the culprit, where a handler could be reached without its gate, or not at all. */
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
    for (const { name, method, actions } of controllers.flatMap(handlersOf)) {
      const requirement = requirementOf(method);
      if (requirement === undefined) {
        throw new Error(`${name} has no @RequirePermission() (or @PublicAction()): say who may call it`);
      }
      if (!isAction(Reflect.getMetadata(PATTERN_EXTRAS_METADATA, method) as object | undefined)) {
        throw new Error(`${name} is in a class without @ActionController(): nothing would check its callers`);
      }
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
