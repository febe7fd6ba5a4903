import { type DynamicModule, Module } from '@nestjs/common';
import { ExternalBrokerOptions } from './external-broker.options.js';

/** The service as a client of a broker of one's own, instead of the built-in one. */
@Module({})
export class ExternalBrokerModule {
  static forRoot(options: ExternalBrokerOptions): DynamicModule {
    return {
      module: ExternalBrokerModule,
      global: true,
      providers: [{ provide: ExternalBrokerOptions, useValue: options }],
      exports: [ExternalBrokerOptions],
    };
  }
}
