/** What is going on and how long the rest takes: one line that is overwritten, or a line each without a terminal. */
export class Progress {
  private planned = 0;
  private behind = 0;
  private current = 0;

  /** @param seconds of what is still to come */
  plan(seconds: number): void {
    this.planned += seconds;
  }

  /** @param seconds that it takes, of those that were planned */
  step(text: string, seconds: number): void {
    this.behind += this.current;
    this.current = seconds;
    const left = Math.max(this.planned - this.behind, seconds);
    const line = `[${minutes(left)} left] ${text}`;
    process.stderr.write(process.stderr.isTTY ? `\r\u001B[2K${line}` : `${line}\n`);
  }

  done(): void {
    if (process.stderr.isTTY) process.stderr.write('\r\u001B[2K');
  }
}

function minutes(seconds: number): string {
  const whole = Math.ceil(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}
