/** Objects and arrays inside each other; a deeper text is refused before it reaches a parser that recurses. */
const MAX_DEPTH = 100;
/** Beyond it PostgreSQL's numeric refuses a number or prints it as kilobytes of zeros; a double ends here too. */
const MAX_EXPONENT = 308;
const MAX_NUMBER_LENGTH = 400;
/** Sum over one request: each `1e308` costs 3 bytes to send and 309 to store and deliver. */
const MAX_EXPANSION = 65_536;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const LOWER_U = 0x75;

/**
 * Whether a JSON text may be parsed and stored: not nested too deep, no `\u0000` and no lone surrogate
 * (PostgreSQL's jsonb takes neither), no number that PostgreSQL cannot hold. The text need not be valid
 * JSON; the parser says that.
 */
export function isWithinLimits(text: string): boolean {
  let depth = 0;
  let expansion = 0;
  for (let at = 0; at < text.length; at++) {
    const c = text.charCodeAt(at);
    if (c === QUOTE) {
      at = checkString(text, at);
      if (at < 0) return false;
    } else if (c === 0x7b || c === 0x5b) {
      if (++depth > MAX_DEPTH) return false;
    } else if (c === 0x7d || c === 0x5d) {
      depth--;
    } else if (c === 0x2d || (c >= 0x30 && c <= 0x39)) {
      const end = endOfNumber(text, at);
      const exponent = exponentOf(text, at, end);
      expansion += exponent;
      if (end - at > MAX_NUMBER_LENGTH || exponent > MAX_EXPONENT || expansion > MAX_EXPANSION) return false;
      at = end - 1;
    }
  }
  return true;
}

/** @returns the index of the closing quote (or the end of the text), -1 where the string is not storable */
function checkString(text: string, open: number): number {
  let high = false;
  for (let at = open + 1; at < text.length; at++) {
    let c = text.charCodeAt(at);
    if (c === QUOTE) return high ? -1 : at;
    if (c === BACKSLASH) {
      at++;
      if (text.charCodeAt(at) === LOWER_U) {
        c = codeUnit(text, at + 1);
        at += 4;
        if (c === 0) return -1;
      }
    }
    const low = c >= 0xdc00 && c <= 0xdfff;
    if (high !== low) return -1;
    high = c >= 0xd800 && c <= 0xdbff;
  }
  return text.length;
}

/** The value of four hexadecimal digits. For other characters it is any number: the parser refuses them. */
function codeUnit(text: string, at: number): number {
  let unit = 0;
  for (let i = at; i < at + 4; i++) {
    const c = text.charCodeAt(i);
    unit = unit * 16 + (c <= 0x39 ? c - 0x30 : (c | 0x20) - 0x57);
  }
  return unit;
}

function endOfNumber(text: string, at: number): number {
  while (isPartOfNumber(text.charCodeAt(at))) at++;
  return at;
}

/** `0` to `9`, `+`, `-`, `.`, and what introduces an exponent; not the end of the text, which is NaN. */
function isPartOfNumber(c: number): boolean {
  return (c >= 0x30 && c <= 0x39) || c === 0x2b || c === 0x2d || c === 0x2e || isE(c);
}

const isE = (c: number): boolean => c === 0x65 || c === 0x45;

/** Without its sign; 0 where there is none. */
function exponentOf(text: string, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    if (isE(text.charCodeAt(at))) return Math.abs(Number(text.slice(at + 1, end)));
  }
  return 0;
}
