import type { Type } from '@nestjs/common';
import { PIPES_METADATA } from '@nestjs/common/constants.js';
import { PARAM_ARGS_METADATA } from '@nestjs/microservices/constants.js';
import { RpcParamtype } from '@nestjs/microservices/enums/rpc-paramtype.enum.js';
import { ActionValidationPipe, isDto } from '../transport/action-validation.pipe.js';
import { declaresMembers } from '../transport/dto/dto-reader.js';
import type { Handler } from './handlers.js';

/** A parameter with `@Payload()`. */
export interface Payload {
  /** the one of the body that it takes, or else the whole */
  member?: string;
  /** as the compiler has told; `undefined` without emitDecoratorMetadata */
  type?: Type;
  /** it has a pipe beside that of actions, by itself, its method or its class */
  isPiped: boolean;
}

export function payloadsOf({ controller, key, method }: Handler): Payload[] {
  type Arguments = Record<string, { index: number; data?: string; pipes?: unknown[] }>;
  const parameters = (Reflect.getMetadata(PARAM_ARGS_METADATA, controller, key) ?? {}) as Arguments;
  const types = Reflect.getMetadata('design:paramtypes', controller.prototype as object, key) as
    Type[] | undefined;
  const pipes = [controller, method].flatMap(
    (target) => (Reflect.getMetadata(PIPES_METADATA, target) ?? []) as unknown[],
  );
  return Object.entries(parameters)
    .filter(([name]) => name.startsWith(`${RpcParamtype.PAYLOAD}:`))
    .map(([, { index, data, pipes: own = [] }]) => ({
      member: data,
      type: types?.[index],
      isPiped: [...pipes, ...own].some((pipe) => pipe !== ActionValidationPipe),
    }));
}

/**
 * Why a payload could not be checked: the compiler has told no class of it, or one that declares nothing. A member may
 * be of any type, and what has a pipe of its own is for that to check; but a class is read before any such pipe.
 * @returns `undefined` where it can be
 */
export function problemOf({ member, type, isPiped }: Payload, handler: string): string | undefined {
  if (isDto(type)) {
    if (declaresMembers(type)) return undefined;
    return `${type.name} has no decorators of nest-devicehive or class-validator: nothing of the request would reach ${handler}`;
  }
  const isTold = type !== undefined && type !== (Function as unknown);
  if (isPiped || (member !== undefined && isTold)) return undefined;
  const parameter = member === undefined ? '@Payload()' : `@Payload('${member}')`;
  return (
    `${handler}: its ${parameter} has no class: ` +
    'import the dto without `type`, and compile with emitDecoratorMetadata'
  );
}
