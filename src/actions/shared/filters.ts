import type { Counted } from '../../database/examined-rows.js';
import type { Statement } from '../../database/queries.js';

/**
 * The conditions of a list that are asked for, and the parameters of its statement. A condition that is not asked for is left
 * out: as `$5 IS NULL OR ...` it would have the statement planned for its values each time.
 */
export class Filters {
  private found = '';
  private examined: string[] = [];
  /** of the statement, in the order of their numbers */
  readonly values: unknown[];
  private shape = '';

  /** @param first the parameters that the statement always has */
  constructor(first: unknown[]) {
    this.values = [...first];
  }

  /**
   * A condition by which an index finds rows.
   * @param value null or absent where the condition is not asked for
   * @param condition SQL with the value's parameter
   */
  find(value: unknown, condition: (parameter: string) => string): this {
    if (this.isAsked(value)) this.found += ` AND ${condition(this.parameter(value))}`;
    return this;
  }

  /** A condition for which rows are examined one by one; parameters as for `find`. */
  examine(value: unknown, condition: (parameter: string) => string): this {
    if (this.isAsked(value)) this.examined.push(condition(this.parameter(value)));
    return this;
  }

  /** SQL: each condition after an AND. */
  sql(counted: Counted): string {
    return `${this.found} AND ${counted(this.examined.join(' AND ') || 'true')}`;
  }

  /**
   * LIMIT and OFFSET, hidden in sub-selects: known, they would have each page planned for itself. For lists whose order is
   * that of an index whatever the page is.
   */
  hiddenPage([limit, offset]: [number, number]): string {
    return `LIMIT (SELECT ${this.parameter(limit)}::bigint) OFFSET (SELECT ${this.parameter(offset)}::bigint)`;
  }

  page([limit, offset]: [number, number]): string {
    return `LIMIT ${this.parameter(limit)}::bigint OFFSET ${this.parameter(offset)}::bigint`;
  }

  /**
   * @param name where the statement is to be prepared, and its text has these conditions alone that vary
   */
  statement(text: string, name?: string): Statement {
    return { name: name && `${name}_${this.shape}`, text };
  }

  private isAsked(value: unknown): boolean {
    const isAsked = value != null;
    this.shape += Number(isAsked);
    return isAsked;
  }

  private parameter(value: unknown): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

/**
 * The name of a list that is prepared: in the usual order, either way, so that there are few.
 * @param order for ORDER BY
 * @param usual the column of the usual order
 */
export function nameOfList(name: string, order: string, usual: string): string | undefined {
  if (!order.startsWith(`${usual} `)) return undefined;
  return `${name}_${order.includes('DESC') ? 'down' : 'up'}`;
}
