const MAX_LENGTH = 128;
/** What JSON leaves as it is, and a terminal takes for a command or for a line's end. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A client's text for the log: in quotes, escaped, so that it cannot forge a line, and 128 characters at most. */
export function shown(text: string): string {
  return plain(JSON.stringify(text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}...` : text));
}

/** JSON for the log: without what is not seen. It is for people: `\u{9b}` is no JSON. */
export function plain(json: string): string {
  return json.replace(INVISIBLE, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`);
}

/** The same JSON value, in which nothing is meant for a terminal. */
export function harmless(json: string): string {
  return json.replace(INVISIBLE, (text) =>
    Array.from({ length: text.length }, (_, i) => escaped(text.charCodeAt(i))).join(''),
  );
}

const escaped = (unit: number): string => `\\u${unit.toString(16).padStart(4, '0')}`;
