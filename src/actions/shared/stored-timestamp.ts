/** SQL for a time as `YYYY-MM-DD hh:mm:ss`, perhaps with a fraction, whatever zone the connection has. */
export const utc = (column: string): string => `(${column} AT TIME ZONE 'UTC')::text`;

/**
 * The text of `utc` in DeviceHive's form, with three digits of a fraction. By way of a `Date`, with the two regular
 * expressions by which the driver makes one, it took four times as long.
 */
export function storedTimestamp(text: string): string {
  const clock = text.indexOf(' ') + 1;
  const fraction = text.slice(clock + 9, clock + 12).padEnd(3, '0');
  return `${text.slice(0, clock - 1)}T${text.slice(clock, clock + 8)}.${fraction}`;
}
