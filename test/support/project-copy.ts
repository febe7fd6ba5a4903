import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** A folder with these files and folders of the project, and its packages. */
export function copyProject(paths: readonly string[]): { folder: string; dispose: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'devicehive-project-'));
  for (const path of paths) cpSync(path, join(folder, path), { recursive: true });
  symlinkSync(resolve('node_modules'), join(folder, 'node_modules'));
  return { folder, dispose: () => rmSync(folder, { recursive: true, force: true }) };
}
