import { parseArgs } from 'node:util';

export const SECTIONS = [
  'update',
  'actions',
  'neighbours',
  'fanout',
  'connections',
  'embedded',
  'list',
  'rows',
  'takeover',
  'bursts',
] as const;
export type Section = (typeof SECTIONS)[number];

/** How much a run measures. */
export interface Options {
  name: 'quick' | 'default' | 'long';
  sections: Section[];
  /** whether it is not all of them */
  isPartial: boolean;
  /** how often each subject gets its turn, with each number of requests in flight */
  rounds: number;
  /** that one turn is measured: short ones, so that those of one round see the same machine */
  seconds: number;
  /** of requests that count for nothing, before the first turn of each subject */
  warmUpSeconds: number;
  /** commands of the device that is listed, and of the larger table where they are not more */
  listRows: number;
  /** commands in the larger of two tables */
  manyRows: number;
  /** round trips and statements for each page of a list */
  pages: number;
  takeovers: number;
}

/** About four minutes, half an hour and an hour and a half on two cores. */
const SIZES: Record<Options['name'], Omit<Options, 'name' | 'sections' | 'isPartial'>> = {
  quick: {
    rounds: 1,
    seconds: 1,
    warmUpSeconds: 0.7,
    listRows: 200_000,
    manyRows: 200_000,
    pages: 10,
    takeovers: 1,
  },
  default: {
    rounds: 10,
    seconds: 1.5,
    warmUpSeconds: 3,
    listRows: 1_000_000,
    manyRows: 1_000_000,
    pages: 50,
    takeovers: 3,
  },
  long: {
    rounds: 15,
    seconds: 5,
    warmUpSeconds: 5,
    listRows: 1_000_000,
    manyRows: 10_000_000,
    pages: 200,
    takeovers: 5,
  },
};

export const USAGE = `npm run bench -- [--quick | --long] [--only=${SECTIONS.join(',')}]`;

/** @throws where an argument is none of `USAGE` */
export function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: { quick: { type: 'boolean' }, long: { type: 'boolean' }, only: { type: 'string' } },
  });
  if (values.quick && values.long) throw new Error('--quick and --long exclude each other');
  const sections = values.only?.split(',') ?? SECTIONS;
  const unknown = sections.find((section) => !SECTIONS.includes(section as Section));
  if (unknown !== undefined) throw new Error(`--only has no "${unknown}": it is ${SECTIONS.join(', ')}`);
  const name = values.quick ? 'quick' : values.long ? 'long' : 'default';
  const chosen = SECTIONS.filter((section) => sections.includes(section));
  return { name, sections: chosen, isPartial: chosen.length < SECTIONS.length, ...SIZES[name] };
}
