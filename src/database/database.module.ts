import { type DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import type { DatabaseOptions } from './database.options.js';
import { openDatabase } from './data-source.js';

/** Provides TypeORM's `DataSource`, and closes it after everything else has stopped. */
@Module({})
export class DatabaseModule {
  /** @param entities the service's own and those of installed action modules */
  static forRoot(options: DatabaseOptions, entities: Function[]): DynamicModule {
    const connection = TypeOrmModule.forRootAsync({
      // One attempt: whoever starts the service decides about another.
      useFactory: () => ({ type: 'postgres', retryAttempts: 0 }),
      dataSourceFactory: () => openDatabase(options, entities),
    });
    return { module: DatabaseModule, imports: [connection], exports: [TypeOrmModule] };
  }
}
