import { type DynamicModule, Module } from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { TerminusModule } from '@nestjs/terminus';
import { HealthController } from './health.controller.js';

@Module({ imports: [TerminusModule.forRoot({ logger: false })], controllers: [HealthController] })
export class HealthModule {
  /** @param path of its endpoints, e.g. `health` */
  static forRoot(path: string): DynamicModule {
    return { module: HealthModule, imports: [RouterModule.register([{ path, module: HealthModule }])] };
  }
}
