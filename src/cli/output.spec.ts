import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { paint, printJsonLine, summary } from './output.js';

const terminal = { isTTY: true } as NodeJS.WriteStream;
const pipe = { isTTY: false } as NodeJS.WriteStream;

beforeEach(() => vi.stubEnv('NO_COLOR', ''));
afterEach(() => vi.unstubAllEnvs());

describe('paint', () => {
  it('colours on a terminal', () => {
    expect(paint('red', 'x', terminal)).toBe('\u001b[31mx\u001b[39m');
  });

  it('leaves text as it is elsewhere, and with NO_COLOR', () => {
    expect(paint('red', 'x', pipe)).toBe('x');
    vi.stubEnv('NO_COLOR', '1');
    expect(paint('red', 'x', terminal)).toBe('x');
  });
});

describe('printJsonLine', () => {
  it('prints JSON in which nothing is meant for the terminal', () => {
    const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    printJsonLine({ text: '\u009b31m\u202e' });
    const written = write.mock.calls.map(([text]) => text);
    write.mockRestore();
    expect(written).toEqual(['{"text":"\\u009b31m\\u202e"}\n']);
  });
});

describe('summary', () => {
  const command = {
    id: 7,
    command: 'led\u001b[31m\n',
    timestamp: '2026-01-31T12:00:00.000',
    lastUpdated: '2026-01-31T12:00:01.000',
    userId: 1,
    deviceId: 'lamp',
    networkId: 1,
    deviceTypeId: 1,
    parameters: { text: '\u009b31m' },
    lifetime: null,
    status: 'done\r',
    result: null,
  };

  it('is one line in which nothing is meant for the terminal', () => {
    expect(summary(command)).toBe(
      '2026-01-31T12:00:01.000  7  lamp  led\\u{1b}[31m\\u{a}  parameters={"text":"\\u{9b}31m"}  status=done\\u{d}',
    );
  });
});
