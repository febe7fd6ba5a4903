const FREE = Promise.resolve();

/** Runs the work of one key one after the other, in the order of the calls; different keys do not wait. */
export class Lanes {
  private readonly tails = new Map<unknown, Promise<unknown>>();

  /** Whether there is work of the key that is not done. */
  isBusy(key: unknown): boolean {
    return this.tails.has(key);
  }

  run<T>(key: unknown, work: () => Promise<T>): Promise<T> {
    const done = (this.tails.get(key) ?? FREE).then(work);
    const leave = () => {
      if (this.tails.get(key) === tail) this.tails.delete(key);
    };
    const tail = done.then(leave, leave);
    this.tails.set(key, tail);
    return done;
  }
}

/** The lane of one client's requests about one thing; `12`, `"12"` and `12.0` name the same. */
export function laneOf(client: string, value: number | string): string {
  const number = Number(value);
  return `${client} ${Number.isNaN(number) ? value : number}`;
}
