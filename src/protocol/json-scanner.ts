import { isUtf8 } from 'node:buffer';

const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const LOWER_E = 0x65;
const LOWER_F = 0x66;
const LOWER_T = 0x74;
const LOWER_U = 0x75;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;

/** Ignored at the start, as by `TextDecoder`. */
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf];
/** For each byte, 1 if it may follow a backslash. */
const IS_SHORT_ESCAPE = new Uint8Array(256);
for (const byte of Buffer.from('"\\/bfnrt')) IS_SHORT_ESCAPE[byte] = 1;
/** Returned instead of an end if the text is no JSON. */
const INVALID = -1;

/** Where a value is: a number each, as an object for every repetition of a key would cost more than the scan. */
interface Member<Name> {
  name: Name;
  start: number;
  /** 0 until the name is found */
  end: number;
}

/**
 * Checks a payload against the grammar of JSON (RFC 8259) and finds the values of some members of its object.
 * The scan does not recurse and makes no objects: `JSON.parse` takes 0.8 s and 140 MB for 4 MB of brackets.
 * @param names of the members, ASCII letters; of equal keys the last counts, as in `JSON.parse`
 * @returns the bytes of the values, in the payload's memory; `undefined` if it is not one JSON object in UTF-8
 */
export function scanObject<Name extends string>(
  json: Uint8Array,
  names: readonly Name[],
): Partial<Record<Name, Uint8Array>> | undefined {
  const members = names.map((name) => ({ name, start: 0, end: 0 }));
  /** The one of them whose value is read now. */
  let member: Member<Name> | undefined;
  /** For each level, 1 if it is an object; level 0 is outside of all. */
  const isObject = new Uint8Array(json.length + 1);
  let depth = 0;
  let at = skipSpace(json, BYTE_ORDER_MARK.every((byte, i) => json[i] === byte) ? 3 : 0);
  if (json[at] !== OPEN_BRACE || !isUtf8(json)) return undefined;
  for (;;) {
    if (isObject[depth]) {
      const key = at;
      at = endOfString(json, at);
      if (at === INVALID) return undefined;
      at = skipSpace(json, at);
      if (json[at] !== COLON) return undefined;
      at = skipSpace(json, at + 1);
      if (depth === 1) {
        member = memberOf(json, key, members);
        if (member) member.start = at;
      }
    }
    const opensObject = json[at] === OPEN_BRACE;
    if (opensObject || json[at] === OPEN_BRACKET) {
      isObject[++depth] = opensObject ? 1 : 0;
      at = skipSpace(json, at + 1);
      if (json[at] !== (opensObject ? CLOSE_BRACE : CLOSE_BRACKET)) continue;
    } else {
      at = endOfScalar(json, at);
      if (at === INVALID) return undefined;
    }
    // All objects and arrays that end here, up to the next member or element.
    for (;;) {
      if (depth === 1 && member) member.end = at;
      at = skipSpace(json, at);
      const next = json[at++];
      if (next === COMMA) break;
      if (next !== (isObject[depth] ? CLOSE_BRACE : CLOSE_BRACKET)) return undefined;
      if (--depth === 0) return skipSpace(json, at) === json.length ? valuesOf(json, members) : undefined;
    }
    at = skipSpace(json, at);
  }
}

function valuesOf<Name extends string>(
  json: Uint8Array,
  members: readonly Member<Name>[],
): Partial<Record<Name, Uint8Array>> {
  const found = members.filter(({ end }) => end > 0);
  const values = found.map(({ name, start, end }) => [name, json.subarray(start, end)]);
  return Object.fromEntries(values) as Partial<Record<Name, Uint8Array>>;
}

function skipSpace(json: Uint8Array, at: number): number {
  for (; at < json.length; at++) {
    const c = json[at]!;
    if (c > 0x20 || (c !== 0x20 && c !== 0x0a && c !== 0x0d && c !== 0x09)) return at;
  }
  return at;
}

function memberOf<Name extends string>(
  json: Uint8Array,
  key: number,
  members: readonly Member<Name>[],
): Member<Name> | undefined {
  for (const member of members) if (isKey(json, key, member.name)) return member;
  return undefined;
}

/** Whether the valid string that begins at `at` is this name; a key may be spelled with escapes. */
function isKey(json: Uint8Array, at: number, name: string): boolean {
  at++;
  for (let i = 0; i < name.length; i++) {
    const isEscaped = json[at] === BACKSLASH && json[at + 1] === LOWER_U;
    if ((isEscaped ? codeUnit(json, at + 2) : json[at]) !== name.charCodeAt(i)) return false;
    at += isEscaped ? 6 : 1;
  }
  return json[at] === QUOTE;
}

function endOfScalar(json: Uint8Array, at: number): number {
  const first = json[at];
  if (first === QUOTE) return endOfString(json, at);
  if (first === MINUS || isDigit(first)) return endOfNumber(json, at);
  if (first === LOWER_T) return endOfLiteral(json, at, 'true');
  return endOfLiteral(json, at, first === LOWER_F ? 'false' : 'null');
}

function endOfLiteral(json: Uint8Array, at: number, literal: string): number {
  for (let i = 0; i < literal.length; i++) if (json[at + i] !== literal.charCodeAt(i)) return INVALID;
  return at + literal.length;
}

function endOfString(json: Uint8Array, at: number): number {
  if (json[at] !== QUOTE) return INVALID;
  for (at++; at < json.length; at++) {
    const c = json[at]!;
    if (c === QUOTE) return at + 1;
    if (c < 0x20) return INVALID;
    if (c !== BACKSLASH) continue;
    at++;
    if (IS_SHORT_ESCAPE[json[at]!]) continue;
    if (json[at] !== LOWER_U || Number.isNaN(codeUnit(json, at + 1))) return INVALID;
    at += 4;
  }
  return INVALID;
}

/** @returns what four hexadecimal digits stand for, NaN if they are not there */
function codeUnit(json: Uint8Array, at: number): number {
  let unit = 0;
  for (let i = at; i < at + 4; i++) {
    const c = json[i]!;
    const letter = c | 0x20;
    if (isDigit(c)) unit = unit * 16 + c - ZERO;
    else if (letter >= 0x61 && letter <= 0x66) unit = unit * 16 + letter - 0x57;
    else return NaN;
  }
  return unit;
}

function endOfNumber(json: Uint8Array, at: number): number {
  if (json[at] === MINUS) at++;
  at = json[at] === ZERO ? at + 1 : endOfDigits(json, at);
  if (at !== INVALID && json[at] === DOT) at = endOfDigits(json, at + 1);
  if (at === INVALID || (json[at]! | 0x20) !== LOWER_E) return at;
  at++;
  return endOfDigits(json, json[at] === PLUS || json[at] === MINUS ? at + 1 : at);
}

/** There must be one digit at least. */
function endOfDigits(json: Uint8Array, at: number): number {
  const start = at;
  while (isDigit(json[at])) at++;
  return at > start ? at : INVALID;
}

const isDigit = (c: number | undefined): boolean => c !== undefined && c >= ZERO && c <= NINE;
