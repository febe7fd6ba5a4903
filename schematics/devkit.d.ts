import type { Observable } from 'rxjs';

/** What is used here of Angular's devkit, which the Nest CLI brings along: it runs the schematics. */
export interface Tree {
  /** what has been done to the tree; `c` for a file that was created, `o` for one that was overwritten */
  readonly actions: { kind: 'c' | 'o' | 'r' | 'd'; path: string; content: Buffer }[];
  branch(): Tree;
  exists(path: string): boolean;
  /** @throws where the file is there */
  create(path: string, content: string): void;
  overwrite(path: string, content: string): void;
  delete(path: string): void;
}

export interface Collection {
  createSchematic(name: string): {
    call(options: object, tree: Observable<Tree>, context: Context): Observable<Tree>;
  };
}

export interface Context {
  engine: { createCollection(name: string, requester: Collection): Collection };
  schematic: { collection: Collection };
  logger: { info(text: string): void };
}

/** Makes of what a user gives what changes a tree. */
export type Factory<Options> = (options: Options) => (tree: Tree, context: Context) => Promise<void>;
