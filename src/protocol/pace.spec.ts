import { describe, expect, it } from 'vitest';
import { Pace } from './pace.js';

describe('Pace', () => {
  it('does not pause while its turn lasts', () => {
    expect(new Pace(60_000).pause()).toBeUndefined();
  });

  it('pauses for a turn of the event loop, and then works for as long again', async () => {
    const pace = new Pace(0);
    let turns = 0;
    setImmediate(() => turns++);
    await pace.pause();
    expect(turns).toBe(1);
    await pace.pause();
    expect(pace.pause()).toBeInstanceOf(Promise);
  });
});
