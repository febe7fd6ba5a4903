import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';

const linesOf = (file: string) => readFileSync(file, 'utf8').split('\n');

it('the image is built of files that are there, and that .dockerignore lets through', () => {
  const copied = linesOf('Dockerfile')
    .filter((line) => line.startsWith('COPY ') && !line.includes('--from='))
    .flatMap((line) => line.split(' ').slice(1, -1));
  const [everything, ...taken] = linesOf('.dockerignore').filter(
    (line) => /^[*!]/.test(line) && !line.includes('spec'),
  );
  expect(everything).toBe('*');
  expect(copied).toContain('scripts');
  expect(copied.filter((path) => !existsSync(path))).toEqual([]);
  expect(copied.filter((path) => !taken.includes(`!${path}`))).toEqual([]);
});
