import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { AccessToken } from './access-token.js';
import { codeOf } from './client-error.js';

const HOUR_MS = 3_600_000;

/** As the service signs it, for what its holder reads. */
const tokenUntil = (e: number) =>
  `x.${Buffer.from(JSON.stringify({ payload: { e } })).toString('base64url')}.x`;

beforeEach(() => vi.useFakeTimers({ now: 0 }));
afterEach(() => vi.useRealTimers());

describe('the access token', () => {
  const first = tokenUntil(HOUR_MS);
  const second = tokenUntil(2 * HOUR_MS);

  it('is the old one until it expires, where the supplier fails', async () => {
    const answers = [() => first];
    const supply = vi.fn<() => string>(() => (answers.shift() ?? fail)());
    const tokens = new AccessToken(supply, 1_000);
    expect(await tokens.renewed()).toBe(first);
    expect(tokens.renewAt).toBe(HOUR_MS - 60_000);

    vi.setSystemTime(tokens.renewAt);
    expect(await tokens.renewed()).toBe(first);
    expect(await tokens.get()).toBe(first);
    expect(supply).toHaveBeenCalledTimes(2);
    expect(tokens.renewAt).toBe(HOUR_MS - 59_000);

    vi.setSystemTime(HOUR_MS - 500);
    expect(await tokens.renewed()).toBe(first);
    expect(tokens.renewAt).toBe(HOUR_MS);

    vi.setSystemTime(HOUR_MS);
    const error: unknown = await tokens.renewed().catch((thrown: unknown) => thrown);
    expect([codeOf(error), (error as Error).message]).toEqual([
      401,
      'The token supplier failed: the vault is sealed',
    ]);
    answers.push(() => second);
    expect(await tokens.get()).toBe(second);
  });

  it('is the old one while the supplier takes its time', async () => {
    let answer: (token: string) => void = fail;
    const answers = [first, new Promise<string>((resolve) => (answer = resolve))];
    const tokens = new AccessToken(() => answers.shift()!, HOUR_MS);
    await tokens.get();
    vi.setSystemTime(tokens.renewAt);
    expect(await tokens.get()).toBe(first);
    const renewed = tokens.renewed();
    answer(second);
    expect(await renewed).toBe(second);
    expect(await tokens.get()).toBe(second);
  });

  it('that looks expired when it arrives is used until it is refused', async () => {
    vi.setSystemTime(3 * HOUR_MS);
    const answers = [first, second];
    const supply = vi.fn<() => string>(() => answers.shift()!);
    const tokens = new AccessToken(supply, 1_000);
    for (let n = 0; n < 3; n++) expect(await tokens.get()).toBe(first);
    expect(supply).toHaveBeenCalledTimes(1);
    expect(tokens.refuse(first)).toBe(true);
    for (let n = 0; n < 3; n++) expect(await tokens.get()).toBe(second);
    expect(supply).toHaveBeenCalledTimes(2);
  });

  it.each([
    [undefined, 'undefined'],
    [null, 'null'],
    [{ toString: 1 }, '{ toString: 1 }'],
    ['sealed', 'sealed'],
    [new Error('sealed'), 'sealed'],
  ])('is missing with 401 where the supplier rejects with %j', async (reason, text) => {
    // oxlint-disable-next-line prefer-promise-reject-errors
    const error: unknown = await new AccessToken(() => Promise.reject(reason), 1_000)
      .get()
      .catch((e: unknown) => e);
    expect([codeOf(error), (error as Error).message]).toEqual([401, `The token supplier failed: ${text}`]);
  });
});

function fail(): never {
  throw new Error('the vault is sealed');
}
