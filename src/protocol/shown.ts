const MAX_LENGTH = 128;
/** What JSON leaves as it is, and a terminal takes for a command or for a line's end. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A client's text for the log: in quotes, escaped, so that it cannot forge a line, and 128 characters at most. */
export function shown(text: string): string {
  return plain(JSON.stringify(text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}...` : text));
}

/** JSON for the log: without what is not seen. */
export function plain(json: string): string {
  return json.replace(INVISIBLE, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`);
}
