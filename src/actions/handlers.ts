import type { Type } from '@nestjs/common';
import { MODULE_METADATA } from '@nestjs/common/constants.js';
import { MetadataScanner } from '@nestjs/core';
import { PATTERN_METADATA, TRANSPORT_METADATA } from '@nestjs/microservices/constants.js';
import { DEVICEHIVE } from '../transport/devicehive.context.js';

/** A method that answers actions, as it was written; whether it may be started is for `HandlerCheck` to say. */
export interface Handler {
  /** e.g. `CommandController.update` */
  name: string;
  controller: Function;
  key: string;
  method: object;
  actions: string[];
}

const scanner = new MetadataScanner();

/** @param controller a class; handlers of other transports in it are left out */
export function handlersOf(controller: Function): Handler[] {
  return methodsOf(controller).flatMap(({ key, name, method }): Handler[] => {
    if (Reflect.getMetadata(TRANSPORT_METADATA, method) !== DEVICEHIVE) return [];
    const actions = Reflect.getMetadata(PATTERN_METADATA, method) as string[];
    return [{ name, controller, key, method, actions }];
  });
}

/** The names of handlers that are for another transport, or for none. */
export function otherHandlersOf(controller: Function): string[] {
  const others = methodsOf(controller).filter(
    ({ method }) =>
      Reflect.hasMetadata(PATTERN_METADATA, method) &&
      Reflect.getMetadata(TRANSPORT_METADATA, method) !== DEVICEHIVE,
  );
  return others.map(({ name }) => name);
}

function methodsOf(controller: Function): { key: string; name: string; method: object }[] {
  const prototype = controller.prototype as Record<string, object>;
  return scanner
    .getAllMethodNames(prototype)
    .map((key) => ({ key, name: `${controller.name}.${key}`, method: prototype[key]! }));
}

/** The handlers of the modules' own controllers, without starting anything; modules that they import do not count. */
export function handlersIn(modules: Type[]): Handler[] {
  const controllers = modules.flatMap(
    (module) => (Reflect.getMetadata(MODULE_METADATA.CONTROLLERS, module) ?? []) as Type[],
  );
  return controllers.flatMap(handlersOf);
}

/** Their actions. */
export function actionsOf(modules: Type[]): string[] {
  return handlersIn(modules).flatMap(({ actions }) => actions);
}
