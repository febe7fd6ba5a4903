import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DiscoveryService, MetadataScanner } from '@nestjs/core';
import {
  PATTERN_EXTRAS_METADATA,
  PATTERN_METADATA,
  TRANSPORT_METADATA,
} from '@nestjs/microservices/constants.js';
import { requirementOf } from '../auth/require-permission.decorator.js';
import { isActionName } from '../protocol/topics.js';
import { DEVICEHIVE, isAction } from '../transport/devicehive.context.js';

interface Handler {
  /** e.g. `CommandController.update` */
  name: string;
  method: object;
  actions: string[];
}

/** Stops the start, naming the culprit, where a handler could be reached without its gate, or not at all. */
@Injectable()
export class HandlerCheck implements OnModuleInit {
  constructor(
    private readonly discovery: DiscoveryService,
    private readonly scanner: MetadataScanner,
  ) {}

  onModuleInit(): void {
    const owners = new Map<string, string>();
    for (const { name, method, actions } of this.handlers()) {
      if (requirementOf(method) === undefined) {
        throw new Error(`${name} has no @RequirePermission() (or @PublicAction()): say who may call it`);
      }
      if (!isAction(Reflect.getMetadata(PATTERN_EXTRAS_METADATA, method) as object | undefined)) {
        throw new Error(`${name} is in a class without @ActionController(): nothing would check its callers`);
      }
      for (const action of actions) {
        const other = owners.get(action);
        if (other) throw new Error(`${other} and ${name} both answer the action ${action}: remove one`);
        if (!isActionName(action))
          throw new Error(`${name}: "${action}" cannot be part of a topic, rename it`);
        owners.set(action, name);
      }
    }
  }

  private handlers(): Handler[] {
    return this.discovery.getControllers().flatMap(({ metatype, instance }) => {
      if (!metatype || typeof instance !== 'object' || instance === null) return [];
      const prototype = Object.getPrototypeOf(instance) as Record<string, object>;
      return this.scanner.getAllMethodNames(prototype).flatMap((key): Handler[] => {
        const method = prototype[key]!;
        if (Reflect.getMetadata(TRANSPORT_METADATA, method) !== DEVICEHIVE) return [];
        const actions = Reflect.getMetadata(PATTERN_METADATA, method) as string[];
        return [{ name: `${metatype.name}.${key}`, method, actions }];
      });
    });
  }
}
