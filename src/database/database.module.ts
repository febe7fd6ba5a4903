import { type DynamicModule, Module } from '@nestjs/common';
import { TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import { DATA_SOURCE } from './data-source.name.js';
import { openDatabase } from './data-source.js';
import { DatabaseOptions } from './database.options.js';

/** The options, on their way through Nest, which adds the entities of action modules. */
type Options = TypeOrmModuleOptions & { opens: DatabaseOptions; entities: Function[] };

/** Provides a TypeORM `DataSource` under a name of its own, and closes it after everything else has stopped. */
@Module({})
export class DatabaseModule {
  /**
   * @param entities the service's own; action modules add theirs by `TypeOrmModule.forFeature([...], DATA_SOURCE)`
   * @param migrations of action modules
   */
  static forRoot(entities: Function[], migrations: Function[]): DynamicModule {
    const connection = TypeOrmModule.forRootAsync({
      name: DATA_SOURCE,
      inject: [DatabaseOptions],
      useFactory: (opens: DatabaseOptions): Options => ({
        type: 'postgres',
        // One attempt: whoever starts the service decides about another.
        retryAttempts: 0,
        autoLoadEntities: true,
        entities,
        opens,
      }),
      dataSourceFactory: (given) => {
        const { opens, entities } = given as Options;
        return openDatabase(opens, { entities, migrations });
      },
    });
    return { module: DatabaseModule, imports: [connection] };
  }
}
