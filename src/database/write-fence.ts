/**
 * Keeps a replica that was replaced from writing: each statement that changes something looks for the row of its
 * term in `leadership` and locks it, so that it commits before the next one takes over, or not at all.
 */
export abstract class WriteFence {
  /**
   * `undefined` where there is one writer only.
   * @throws {Superseded} while this process is not the one that writes
   */
  abstract readonly term: { name: string; epoch: string } | undefined;
}

/**
 * A common table expression of one row while the term in the two parameters from `$<first>` lasts. FOR SHARE in
 * the statement itself: a sub-select without it lets a paused process commit after it was replaced.
 * @param fenced `false` where there is one writer only
 */
export function termRow(fenced: boolean, first: number): string {
  if (!fenced) return 'SELECT';
  return `SELECT FROM leadership WHERE name = $${first} AND epoch = $${first + 1}::bigint FOR SHARE`;
}
