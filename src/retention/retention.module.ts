import { type DynamicModule, Module } from '@nestjs/common';
import { Retention } from './retention.js';
import { RetentionOptions } from './retention.options.js';

/** Deletes what is too old, where a limit is set. */
@Module({})
export class RetentionModule {
  static forRoot(options: RetentionOptions): DynamicModule {
    return {
      module: RetentionModule,
      providers: [Retention, { provide: RetentionOptions, useValue: options }],
    };
  }
}
