import { Logger } from '@nestjs/common';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { PinoLogger } from './logger.js';

interface Line {
  level: number;
  msg?: string;
  context?: unknown;
  error?: { type: string; message: string; stack: string };
}

const ERROR = 50;
const INFO = 30;
const DEBUG = 20;

describe('PinoLogger', () => {
  let written: string[];
  const lines = () => written.map((line) => JSON.parse(line) as Line);
  const isTTY = process.stdout.isTTY;

  beforeEach(() => {
    written = [];
    process.stdout.isTTY = false;
    // Pino writes to the file descriptor, past process.stdout.
    vi.spyOn(process.getBuiltinModule('node:fs'), 'writeSync').mockImplementation((_fd, text) => {
      written.push(String(text));
      return Buffer.byteLength(String(text));
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
    process.stdout.isTTY = isTTY;
  });

  it('writes message, context and error in one line', () => {
    const failure = new Error('details', { cause: new Error('the reason') });
    new PinoLogger('info').error('It failed', failure, 'Broker');
    expect(written).toHaveLength(1);
    expect(written[0]).toMatch(/^[^\n]+\n$/);
    expect(lines()).toMatchObject([
      { level: ERROR, msg: 'It failed', context: 'Broker', error: { type: 'Error' } },
    ]);
    const { error } = lines()[0]!;
    expect(error?.message).toMatch(/^details/);
    expect(error?.stack).toMatch(/logger\.spec[^]*the reason/);
  });

  it("takes what Nest's logger hands on", () => {
    const failure = new Error('details');
    const nest = new Logger('Broker');
    Logger.overrideLogger(new PinoLogger('info'));
    nest.error('It failed', failure);
    nest.error(failure);
    nest.warn('Careful');
    Logger.overrideLogger(false);
    expect(lines()).toMatchObject([
      { msg: 'It failed', context: 'Broker', error: { message: 'details' } },
      { msg: 'details', context: 'Broker', error: { message: 'details' } },
      { msg: 'Careful', context: 'Broker' },
    ]);
  });

  it.each([
    ['log', INFO],
    ['error', ERROR],
    ['warn', 40],
    ['debug', DEBUG],
    ['verbose', 10],
    ['fatal', 60],
  ] as const)('writes %s as level %i', (method, level) => {
    new PinoLogger('trace')[method]('words', 'Broker');
    expect(lines()).toMatchObject([{ level, msg: 'words', context: 'Broker' }]);
  });

  it.each(['NestFactory', 'InstanceLoader', 'RouterExplorer', 'NestApplication', 'ExceptionHandler'])(
    "takes %s's own words for debug",
    (context) => {
      const message = 'words';
      new PinoLogger('info').log(message, context);
      expect(lines()).toEqual([]);
      new PinoLogger('debug').log(message, context);
      expect(lines()).toMatchObject([{ level: DEBUG, context }]);
    },
  );

  it.each([
    ['info', 1],
    ['error', 0],
    ['silent', 0],
  ])('at level %s writes %i lines of info', (level, count) => {
    new PinoLogger(level).log('words', 'Broker');
    expect(written).toHaveLength(count);
  });

  it('writes a message without context, and an object as JSON', () => {
    const logger = new PinoLogger('info');
    logger.log('ready');
    logger.log({ a: 1 }, 'Broker');
    expect(lines()).toMatchObject([{ msg: 'ready' }, { msg: '{"a":1}', context: 'Broker' }]);
    expect(lines()[0]).not.toHaveProperty('context');
  });

  it('keeps the words of a client in their line', () => {
    new PinoLogger('info').log('client "a\n{"level":60}\u001b[31m"', 'Broker');
    expect(written).toHaveLength(1);
    expect(written[0]?.trimEnd()).not.toMatch(/\p{Cc}/u);
  });
});
