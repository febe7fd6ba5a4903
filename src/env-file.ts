import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { VARIABLES } from './environment.js';

/** Typing errors that still tell which variable is meant. */
const MAX_ERRORS = 2;
/** A value without quotes that ends at a `#` inside a word, and not at a comment behind a space. */
const CUT_VALUE = /^[ \t]*(?:export[ \t]+)?(\w+)[ \t]*=[ \t]*((?!['"`])[^#\r\n]*)(?<!\s)#(?!\s)/gm;

/**
 * Adds the variables of the file `.env` to the environment. Those that the environment has win, unless they are empty: an
 * empty variable counts as not set, here as in `readEnvironment`. Node's `process.loadEnvFile` takes a byte order mark
 * for a part of the first name, and finds no variable in UTF-16.
 * @returns a warning for each name that looks like a mistyped variable of the service, and for each value that is cut off
 * @throws if the file cannot be read or is not UTF-8
 */
export function loadEnvFile(file = '.env', env = process.env): string[] {
  if (!existsSync(file)) return [];
  const text = readText(file);
  const values = parseEnv(text);
  for (const [name, value] of Object.entries(values)) env[name] ||= value;
  const mistyped = Object.keys(values).flatMap((name) => {
    const meant = VARIABLES.has(name) ? undefined : closestVariable(name.toUpperCase());
    return meant ? [`${name} in ${file} has no effect: it may be meant as ${meant}`] : [];
  });
  return [...mistyped, ...cutValues(text, values).map((name) => `${name} in ${file} ${CUT_OFF}`)];
}

const CUT_OFF = 'is cut off at its #: put the value into quotes';

/** A line inside a value of several lines may look like one, but gives its name no such value. */
function cutValues(text: string, values: NodeJS.Dict<string>): string[] {
  const cut = [...text.matchAll(CUT_VALUE)].filter(([, name, value]) => values[name!] === value);
  return cut.map(([, name]) => name!).filter((name) => VARIABLES.has(name));
}

function readText(file: string): string {
  let bytes: Buffer;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
  try {
    // Takes a byte order mark away. UTF-16 without one is valid UTF-8 with NUL characters.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    if (!text.includes('\0')) return text;
  } catch {
    // The same message.
  }
  throw new Error(`${file} is not UTF-8 but maybe UTF-16, as PowerShell's > writes it: save it as UTF-8`);
}

function closestVariable(name: string): string | undefined {
  const byErrors = [...VARIABLES].map((variable) => ({ variable, errors: editDistance(name, variable) }));
  return byErrors.filter(({ errors }) => errors <= MAX_ERRORS).toSorted((a, b) => a.errors - b.errors)[0]
    ?.variable;
}

/** Levenshtein's: how many characters have to be inserted, deleted or replaced. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, j) => j);
  for (const [i, char] of [...from].entries()) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      next.push(Math.min(row[j]! + (char === to[j] ? 0 : 1), row[j + 1]! + 1, next[j]! + 1));
    }
    row = next;
  }
  return row[to.length]!;
}
