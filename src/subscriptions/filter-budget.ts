/** Bounds for filters that are counted together. */
export interface FilterLimits {
  filters: number;
  /** of all filters: a level that no other filter has takes 400 bytes */
  levels: number;
}

export const CONNECTION_LIMITS: FilterLimits = { filters: 1_000, levels: 10_000 };
/** Before its client has authenticated: enough for its replies, and for what anyone may read. */
export const UNAUTHENTICATED_LIMITS: FilterLimits = { filters: 20, levels: 200 };

/** Counts filters of one connection, made by SUBSCRIBE or by an action, and their levels. */
export class FilterBudget {
  private filters = 0;
  private levels = 0;

  constructor(readonly limits: FilterLimits) {}

  /** @returns `false` if one more filter does not fit; nothing is taken then */
  take(levels: number): boolean {
    const { limits } = this;
    if (this.filters >= limits.filters || this.levels + levels > limits.levels) return false;
    this.filters++;
    this.levels += levels;
    return true;
  }

  giveBack(levels: number): void {
    this.filters--;
    this.levels -= levels;
  }
}
