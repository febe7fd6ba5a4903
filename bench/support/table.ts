/** A table in Markdown, padded so that it reads well in a terminal too. The first column is text, the others numbers. */
export function table(header: string[], rows: string[][]): string {
  const widths = header.map((cell, i) => Math.max(3, cell.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: string[]) =>
    `| ${cells.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(' | ')} |`;
  const rule = widths.map((width, i) => (i === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(header), line(rule), ...rows.map(line)].join('\n');
}

const NOTHING = 'n/a';

/** With so many digits after the point, and commas between thousands. */
export function number(value: number | undefined, digits = 0): string {
  if (value === undefined || Number.isNaN(value)) return NOTHING;
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

export function percent(share: number | undefined): string {
  return share === undefined ? NOTHING : `${number(share * 100)} %`;
}

/** e.g. `3 Overloaded, 1 unanswered`; `0` where all is well. */
export function troubles(errors: Record<string, number>, unanswered: number): string {
  const all = Object.entries(errors).map(([text, count]) => `${count} ${text}`);
  if (unanswered > 0) all.push(`${unanswered} unanswered`);
  return all.join(', ') || '0';
}
