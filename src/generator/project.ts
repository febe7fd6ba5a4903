import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';

const PACKAGE = 'nest-devicehive';

/** Where this repository has what its users import from the package. */
const OWN_FILES: Record<string, string> = {
  ActionController: 'src/actions/action-controller.decorator.js',
  ActionError: 'src/protocol/action-error.js',
  CurrentPrincipal: 'src/auth/principal.js',
  DEVICEHIVE: 'src/transport/devicehive.context.js',
  Principal: 'src/auth/principal.js',
  RequirePermission: 'src/auth/require-permission.decorator.js',
  TextField: 'src/transport/dto/dto-fields.js',
  VisibleDevices: 'src/actions/visible-devices.js',
};

/** A file of the project; its path is relative to the project and has slashes on every system. */
export interface ProjectFile {
  path: string;
  text: string;
}

/** How the files of one folder import others. */
export interface Imports {
  /** one statement for each module, with these names of the package's entry */
  entry(names: string[]): string;
  /** of `nest-devicehive/testing` */
  testing: string;
  /** of a file of the project */
  file(path: string): string;
}

/** The project that an action is written into: this repository, or one that uses the package. */
export class Project {
  readonly isOwn: boolean;

  /** @throws where the folder has no `package.json` */
  constructor(private readonly root: string) {
    try {
      const { name } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { name?: string };
      this.isOwn = name === PACKAGE;
    } catch (error) {
      throw new Error('There is no readable package.json here: run this in the folder of your project', {
        cause: error,
      });
    }
  }

  /**
   * @param given relative to the project or absolute
   * @returns relative to the project, with slashes
   * @throws where it is not in the project, or an import could not name it
   */
  folder(given: string): string {
    const folder = slashed(relative(this.root, resolve(this.root, given)));
    if (folder === '..' || folder.startsWith('../')) {
      throw new Error(
        `${JSON.stringify(given)} is outside of the project in ${this.root}: choose a folder in it, like src or libs/things`,
      );
    }
    if (/[^\w./ @-]/.test(folder)) {
      throw new Error(
        `${JSON.stringify(given)} is no folder for code: choose one of letters, digits and _ - . @, like src or libs/things`,
      );
    }
    return folder;
  }

  has(path: string): boolean {
    return existsSync(join(this.root, path));
  }

  /** A file's text, empty where there is none. */
  read(path: string): string {
    return this.has(path) ? readFileSync(join(this.root, path), 'utf8') : '';
  }

  /** @throws where the file is there */
  create({ path, text }: ProjectFile): void {
    const file = join(this.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { flag: 'wx' });
  }

  /** @param name a package; whether the project's files can import it */
  resolves(name: string): boolean {
    return this.pathOf(`${name}/package.json`) !== undefined;
  }

  importsFrom(folder: string): Imports {
    const file = (path: string) => specifier(folder, path);
    return {
      entry: (names) => (this.isOwn ? ownImports(names, file) : importLine(names, PACKAGE)),
      testing: this.isOwn ? file('src/testing/index.js') : `${PACKAGE}/testing`,
      file,
    };
  }

  /** As the project's own Prettier writes them, where it has one. */
  async formatted(files: ProjectFile[]): Promise<ProjectFile[]> {
    const path = this.pathOf('prettier');
    if (path === undefined) return files;
    const { default: prettier } = (await import(pathToFileURL(path).href)) as {
      default: typeof import('prettier');
    };
    return Promise.all(
      files.map(async (file) => {
        const filepath = join(this.root, file.path);
        const config = await prettier.resolveConfig(filepath);
        return { path: file.path, text: await prettier.format(file.text, { ...config, filepath }) };
      }),
    );
  }

  private pathOf(module: string): string | undefined {
    try {
      return createRequire(join(this.root, 'package.json')).resolve(module);
    } catch {
      return undefined;
    }
  }
}

export const importLine = (names: string[], from: string) => `import { ${names.join(', ')} } from '${from}';`;

function ownImports(names: string[], to: (file: string) => string): string {
  const fileOf = (name: string) => OWN_FILES[name.replace('type ', '')]!;
  return [...new Set(names.map(fileOf))]
    .map((file) =>
      importLine(
        names.filter((name) => fileOf(name) === file),
        to(file),
      ),
    )
    .join('\n');
}

/** How a file in one folder of the project imports another of it. */
function specifier(folder: string, file: string): string {
  const path = slashed(relative(folder, file));
  return path.startsWith('.') ? path : `./${path}`;
}

const slashed = (path: string) => path.split(sep).join('/');
