/** DeviceHive's form: UTC with milliseconds and no zone suffix, e.g. `2018-02-08T15:26:30.123`. */
export function formatTimestamp(date: Date): string {
  return date.toISOString().slice(0, -1);
}

const ISO = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/i;
const RFC_1123 = /^[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} [1-9]\d{3} \d\d:\d\d:\d\d (GMT|UTC|[+-]\d{4})$/;
const EPOCH_MILLIS = /^-?\d+$/;

/**
 * Reads every form that DeviceHive's Gson adapter takes: ISO 8601 with or without fraction and zone (none
 * means UTC; digits past the millisecond are cut), a date alone, RFC 1123, epoch milliseconds as number or text.
 * @returns `undefined` for anything else, for a date that does not exist, and outside the years 1 to 9999
 *   (the form above has four digits for the year)
 */
export function parseTimestamp(value: string | number): Date | undefined {
  const date = new Date(toEpoch(value));
  const year = date.getUTCFullYear();
  return year >= 1 && year <= 9999 ? date : undefined;
}

function toEpoch(value: string | number): number {
  if (typeof value === 'number') return Number.isInteger(value) ? value : Number.NaN;
  if (EPOCH_MILLIS.test(value)) return Number(value);
  if (RFC_1123.test(value)) return hasItsDay(value) ? Date.parse(value) : Number.NaN;
  const iso = ISO.exec(value);
  if (!iso || !isCalendarDate(value.slice(0, 10))) return Number.NaN;
  const [, time, , , zone] = iso;
  if (!time) return Date.parse(value);
  const clock = (zone ? value.slice(0, -zone.length) : value).replace(',', '.');
  return Date.parse(clock.replace(/(\.\d{3})\d+$/, '$1').toUpperCase() + (zone?.toUpperCase() ?? 'Z'));
}

/** Whether `Thu, 08 Feb 2018 ...` names a day of its month. */
function hasItsDay(rfc1123: string): boolean {
  const [, day, month, year] = rfc1123.split(' ');
  return new Date(`${day} ${month} ${year} UTC`).getUTCDate() === Number(day);
}

/** `Date.parse` takes 31 February for 3 March. */
function isCalendarDate(date: string): boolean {
  const parsed = new Date(`${date}T00:00:00Z`);
  return !Number.isNaN(parsed.getTime()) && parsed.toISOString().startsWith(date);
}
