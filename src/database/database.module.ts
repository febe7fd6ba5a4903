import { type DynamicModule, Module } from '@nestjs/common';
import { getDataSourceToken, TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { DATA_SOURCE } from './data-source.name.js';
import { openDatabase } from './data-source.js';
import { DatabaseOptions } from './database.options.js';
import { Queries } from './queries.js';

/** The options, on their way through Nest, which adds the entities of action modules. */
type Options = TypeOrmModuleOptions & { opens: DatabaseOptions; entities: Function[] };

/** By the dynamic module: ends what it has opened, or will have. */
const closers = new WeakMap<object, () => Promise<void>>();

/**
 * For an application whose creation has failed: Nest makes providers side by side and does not wait for the others, so
 * that its database may still be about to open.
 * @param definition the module that imports `DatabaseModule.forRoot()`
 */
export async function closeDatabaseOf({ imports = [] }: DynamicModule): Promise<void> {
  for (const imported of imports) await closers.get(imported)?.();
}

/** Provides `Queries` and, under a name of its own, their TypeORM `DataSource`, and closes it after everything else has stopped. */
@Module({})
export class DatabaseModule {
  /**
   * @param entities the service's own; action modules add theirs by `TypeOrmModule.forFeature([...], DATA_SOURCE)`
   * @param migrations of action modules
   */
  static forRoot(entities: Function[], migrations: Function[]): DynamicModule {
    let opening: Promise<DataSource> | undefined;
    const ended = new AbortController();
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
        ended.signal.throwIfAborted();
        return (opening = openDatabase(opens, { entities, migrations }, ended.signal));
      },
    });
    const queries = {
      provide: Queries,
      inject: [getDataSourceToken(DATA_SOURCE)],
      useFactory: (dataSource: DataSource) => new Queries(dataSource),
    };
    const definition = {
      module: DatabaseModule,
      global: true,
      imports: [connection],
      providers: [queries],
      exports: [queries],
    };
    closers.set(definition, async () => {
      ended.abort();
      // One that could not be opened has closed itself.
      const dataSource = await opening?.catch(() => undefined);
      await dataSource?.destroy();
    });
    return definition;
  }
}
