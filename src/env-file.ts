import { existsSync, readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { VARIABLES } from './environment.js';

/** Typing errors that still tell which variable is meant. */
const MAX_ERRORS = 2;
/** A value without quotes that ends at a `#` inside a word, and not at a comment behind a space. */
const CUT_VALUE = /^[ \t]*(?:export[ \t]+)?(\w+)[ \t]*=[ \t]*((?!['"`])[^#\r\n]*)(?<!\s)#(?!\s)/gm;
/** A value whose quote is opened, and closed nowhere behind it: Node ignores it, or takes the quote for a part of it. */
const OPEN_QUOTE = /^[ \t]*(?:export[ \t]+)?(\w+)[ \t]*=[ \t]*(['"`])(?![^]*\2)/gm;
/** A line that begins with a name and has no `=` behind it. */
const UNASSIGNED = /^[ \t]*(?:export[ \t]+)?(\w+)(?!\w|[ \t]*=).*$/gm;
/** What is left out at the end of a name. */
const UNIT = /_(MS|DAYS|BYTES)$/;

/**
 * Adds the variables of the file `.env` to the environment. Those that the environment has win, unless they are empty: an
 * empty variable counts as not set, here as in `readEnvironment`. Node's `process.loadEnvFile` takes a byte order mark
 * for a part of the first name, and finds no variable in UTF-16.
 * @returns a warning for each name that looks like a mistyped variable of the service, for each value that is cut off or has
 *   an open quote, and for each variable without `=`
 * @throws if the file cannot be read or is not UTF-8
 */
export function loadEnvFile(file = '.env', env = process.env): string[] {
  if (!existsSync(file)) return [];
  const { text, unassigned } = takeUnassigned(readText(file));
  const values = parseEnv(text);
  for (const [name, value] of Object.entries(values)) env[name] ||= value;
  const mistyped = Object.keys(values).flatMap((name) => {
    const meant = VARIABLES.has(name) ? undefined : closestVariable(name.toUpperCase());
    return meant ? [`${name} in ${file} has no effect: it may be meant as ${meant}`] : [];
  });
  const open = [...text.matchAll(OPEN_QUOTE)].map(([, name]) => name!).filter((name) => VARIABLES.has(name));
  return [
    ...mistyped,
    ...unassigned.map((name) => `${name} in ${file} has no effect: write ${name}=...`),
    ...cutValues(text, values).map((name) => `${name} in ${file} ${CUT_OFF}`),
    ...open.map((name) => `${name} in ${file} has a quote that is not closed`),
  ];
}

const CUT_OFF = 'is cut off at its #: put the value into quotes';

/** Node takes a line without `=` for the beginning of the next one's name. Lines of a value in quotes stay. */
function takeUnassigned(text: string): { text: string; unassigned: string[] } {
  const multiline = Object.values(parseEnv(text)).filter((value) => value?.includes('\n'));
  const unassigned: string[] = [];
  const rest = text.replace(UNASSIGNED, (line, name: string) => {
    const isVariable = VARIABLES.has(name);
    if ((line.includes('=') && !isVariable) || multiline.some((value) => value!.includes(line))) return line;
    if (isVariable) unassigned.push(name);
    return '';
  });
  return { text: rest, unassigned };
}

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
  const byErrors = [...VARIABLES].map((variable) => ({
    variable,
    errors: Math.min(editDistance(name, variable), editDistance(name, variable.replace(UNIT, ''))),
  }));
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
