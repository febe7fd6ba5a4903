import { createRequire } from 'node:module';
import { expect, it } from 'vitest';

const require = createRequire(import.meta.url);
const versionOf = (name: string) => (require(`${name}/package.json`) as { version: string }).version;

it('the Nest CLI finds TypeScript 6 under the name typescript, and the scripts TypeScript 7 beside it', () => {
  expect({ nest: versionOf('typescript'), scripts: versionOf('typescript-7') }).toEqual({
    nest: '6.0.2',
    scripts: '7.0.2',
  });
  // The compiler's interface, which the CLI uses and TypeScript 7 does not have.
  expect(require('typescript')).toHaveProperty('createProgram');
});
