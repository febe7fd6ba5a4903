/** DeviceHive's form: UTC with milliseconds and no zone suffix, e.g. `2018-02-08T15:26:30.123`. */
export function formatTimestamp(date: Date): string {
  return date.toISOString().slice(0, -1);
}

const ISO =
  /^(?<date>\d{4}-\d\d-\d\d)([T ](?<minute>\d\d:\d\d)(:(?<second>\d\d)([.,](?<fraction>\d+))?)?(?<zone>Z|[+-]\d\d(:?\d\d)?)?)?$/i;
const RFC_1123 = /^[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} [1-9]\d{3} \d\d:\d\d:\d\d (GMT|UTC|[+-]\d{4})$/;
const EPOCH_MILLIS = /^-?\d+$/;

/**
 * Reads every form that DeviceHive's Gson adapter takes: ISO 8601 with or without fraction and zone (none
 * means UTC; digits past the millisecond are cut), a date alone, RFC 1123, epoch milliseconds as number or text.
 * It also reads a space instead of `T`, a zone of hours alone, and a leap second, as the second after it.
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
  return isoToEpoch(value);
}

function isoToEpoch(value: string): number {
  const { date, minute, second = '00', fraction = '', zone = 'Z' } = ISO.exec(value)?.groups ?? {};
  if (!date || !isCalendarDate(date)) return Number.NaN;
  if (!minute) return Date.parse(date);
  const isLeap = second === '60';
  const clock = `${minute}:${isLeap ? '59' : second}.${fraction.slice(0, 3).padEnd(3, '0')}`;
  const offset = zone.length === '+02'.length ? `${zone}:00` : zone.toUpperCase();
  const time = new Date(`${date}T${clock}${offset}`);
  if (!isLeap) return time.getTime();
  // Leap seconds are at the end of a day in UTC.
  return time.getUTCHours() === 23 && time.getUTCMinutes() === 59 ? time.getTime() + 1_000 : Number.NaN;
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
