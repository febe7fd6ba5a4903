/** One reading at a time, for all who asked before it began: nobody gets a value from before the question. */
export class SharedReading<T> {
  private atWork: Promise<unknown> = Promise.resolve();
  private waiting?: Promise<T>;

  constructor(private readonly read: () => Promise<T>) {}

  next(): Promise<T> {
    this.waiting ??= this.atWork.then(() => {
      this.waiting = undefined;
      const reading = this.read();
      this.atWork = reading.catch(() => undefined);
      return reading;
    });
    return this.waiting;
  }
}
