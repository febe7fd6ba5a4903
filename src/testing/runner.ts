/** What is used of a test runner. */
interface Runner {
  describe(title: string, define: () => void): void;
  it(title: string, test: () => Promise<void>): void;
  beforeAll(prepare: () => Promise<void>, timeoutMs: number): void;
  afterAll(cleanUp: () => Promise<void>): void;
}

const VITEST = 'vitest';

/** The test runner's globals, or Vitest where it has none. */
export const runner = ('describe' in globalThis ? globalThis : await import(VITEST)) as unknown as Runner;
