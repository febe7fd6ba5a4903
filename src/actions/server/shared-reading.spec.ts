import { describe, expect, it } from 'vitest';
import { SharedReading } from './shared-reading.js';

/** Readings that end when they are told to. */
function readings() {
  const begun: { resolve: (value: string) => void; reject: (error: Error) => void }[] = [];
  const shared = new SharedReading(
    () => new Promise<string>((resolve, reject) => begun.push({ resolve, reject })),
  );
  return { begun, shared };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('SharedReading', () => {
  it('gives those who ask meanwhile the next reading, all the same one', async () => {
    const { begun, shared } = readings();
    const first = shared.next();
    await settled();
    const later = [shared.next(), shared.next()];
    await settled();
    expect(begun).toHaveLength(1);
    begun[0]!.resolve('one');
    await expect(first).resolves.toBe('one');
    await settled();
    expect(begun).toHaveLength(2);
    begun[1]!.resolve('two');
    await expect(Promise.all(later)).resolves.toEqual(['two', 'two']);
  });

  it('reads again after a failure', async () => {
    const { begun, shared } = readings();
    const failing = shared.next();
    await settled();
    begun[0]!.reject(new Error('away'));
    await expect(failing).rejects.toThrow('away');
    const next = shared.next();
    await settled();
    begun[1]!.resolve('back');
    await expect(next).resolves.toBe('back');
  });
});
