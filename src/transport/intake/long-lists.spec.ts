import { describe, expect, it } from 'vitest';
import { JsonText, printJson } from '../../protocol/json-text.js';
import { hasLongList, printLongLists } from './long-lists.js';

const LONG = {
  count: 1_000,
  items: Array.from({ length: 1_000 }, (_, id) => ({
    id,
    raw: new JsonText('9007199254740993'),
    none: undefined,
  })),
  few: [1, 2],
};

describe('a long list of a reply', () => {
  it('is told from a short one', () => {
    expect([{}, { few: [1] }, { text: 'x'.repeat(1_000) }, LONG].map(hasLongList)).toEqual([
      false,
      false,
      false,
      true,
    ]);
  });

  it('is printed as at once, in several turns of the event loop', async () => {
    const over = new AbortController();
    const printing = printLongLists(LONG).finally(() => over.abort());
    let turns = 0;
    for (; !over.signal.aborted; turns++) await new Promise(setImmediate);
    expect(printJson(await printing)).toBe(printJson(LONG));
    expect(turns).toBeGreaterThan(10);
  });
});
