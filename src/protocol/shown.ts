const MAX_LENGTH = 128;

/** A client's text for the log: in quotes, escaped, so that it cannot forge a line, and 128 characters at most. */
export function shown(text: string): string {
  return JSON.stringify(text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}...` : text);
}
