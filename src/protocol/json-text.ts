import { isJsonObject } from './json-object.js';

/**
 * JSON that is passed on as the text it came in, so that 64-bit ids inside `parameters`, `result` and
 * `requestId` survive: `JSON.parse` would round them (9007199254740993 becomes 9007199254740992).
 */
export class JsonText {
  constructor(readonly text: string) {}

  toJSON(): unknown {
    return JSON.parse(this.text);
  }
}

/** Prints a value as JSON; a `JsonText` anywhere in it goes out as its own text. `undefined` members are left out. */
export function printJson(value: unknown): string {
  if (typeof value === 'string') return printText(value);
  if (value === null) return 'null';
  if (Number.isInteger(value)) return `${value as number}`;
  if (value instanceof JsonText) return value.text;
  if (Array.isArray(value)) return `[${value.map(printJson).join(',')}]`;
  if (typeof value !== 'object' || 'toJSON' in value) return JSON.stringify(value) ?? 'null';
  let text = '';
  for (const key of Object.keys(value)) {
    const member = (value as Record<string, unknown>)[key];
    if (member === undefined) continue;
    text += text === '' ? '{' : ',';
    text += printKey(key);
    text += printJson(member);
  }
  return text === '' ? '{}' : `${text}}`;
}

/** Without quotes, backslashes, control characters, and surrogates, of which one may be alone. */
const IS_PLAIN = /^[ !#-[\]-~\u00a0-\ud7ff\ue000-\uffff]*$/;

/** `JSON.stringify` takes as long for a short text as all else that is done to print it. */
const printText = (text: string): string => (IS_PLAIN.test(text) ? `"${text}"` : JSON.stringify(text));

/** Names of members are few; those of clients' own objects stay inside a `JsonText`. */
const printedKeys = new Map<string, string>();
const MAX_PRINTED_KEYS = 1_000;

function printKey(key: string): string {
  let printed = printedKeys.get(key);
  if (printed === undefined) {
    printed = `${JSON.stringify(key)}:`;
    if (printedKeys.size < MAX_PRINTED_KEYS) printedKeys.set(key, printed);
  }
  return printed;
}

/**
 * Where an object that came out of a decoded request has its source text. A symbol is no member for anybody who reads
 * JSON; a WeakMap of all of them took 3 % of the time, most of it in the garbage collector.
 */
const SOURCE = Symbol('source');

interface Sourced {
  [SOURCE]?: { text: string; members?: Members };
}

/** One list of names and texts: for the few members of a request a map takes three times as much memory. */
class Members {
  private readonly list: string[] = [];

  add(name: string, text: string): void {
    this.list.push(name, text);
  }

  get(name: string): string | undefined {
    const { list } = this;
    for (let at = list.length - 2; at >= 0; at -= 2) if (list[at] === name) return list[at + 1];
    return undefined;
  }
}

/**
 * Remembers the text that `value` was parsed from, for `memberText`.
 * @param text valid JSON: `value` is what `JSON.parse(text)` gave
 */
export function rememberSource(value: object, text: string): void {
  (value as Sourced)[SOURCE] = { text, members: undefined };
}

/**
 * The text of `object[key]` as the client sent it, or `undefined` where the object has no such member or
 * did not come out of a request. Duplicate keys: the last wins, as in `JSON.parse`.
 */
export function memberText(object: object, key: string): JsonText | undefined {
  const text = membersOf(object)?.get(key);
  return text === undefined ? undefined : new JsonText(text);
}

/** Splits an object's text, which is when the objects in it learn theirs. Reaching one goes through its parents. */
export function membersOf(object: object): Members | undefined {
  const source = (object as Sourced)[SOURCE];
  if (source) source.members ??= splitMembers(object, source.text);
  return source?.members;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

function splitMembers(object: object, text: string): Members {
  const members = new Members();
  let at = skipSpace(text, text.indexOf('{') + 1);
  while (text.charCodeAt(at) === QUOTE) {
    const keyEnd = endOfString(text, at);
    const start = skipSpace(text, text.indexOf(':', keyEnd) + 1);
    const end = endOfValue(text, start);
    const quoted = text.slice(at, keyEnd);
    const key = quoted.includes('\\') ? (JSON.parse(quoted) as string) : quoted.slice(1, -1);
    const member = text.slice(start, end).trimEnd();
    members.add(key, member);
    const value: unknown = Object.hasOwn(object, key) ? (object as Record<string, unknown>)[key] : undefined;
    if (isJsonObject(value)) rememberSource(value, member);
    at = skipSpace(text, end);
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
  return members;
}

function skipSpace(text: string, at: number): number {
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\r' || text[at] === '\t') at++;
  return at;
}

/** @returns the index after the closing quote of the string that opens at `at` */
function endOfString(text: string, at: number): number {
  for (;;) {
    at = text.indexOf('"', at + 1);
    let backslashes = 0;
    while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes++;
    if (backslashes % 2 === 0) return at + 1;
  }
}

function endOfValue(text: string, at: number): number {
  let depth = 0;
  for (; at < text.length; at++) {
    const c = text.charCodeAt(at);
    if (c === QUOTE) at = endOfString(text, at) - 1;
    else if (c === OPEN_BRACE || c === OPEN_BRACKET) depth++;
    else if ((c === CLOSE_BRACE || c === CLOSE_BRACKET) && --depth < 0) return at;
    else if (c === COMMA && depth === 0) return at;
  }
  return at;
}
