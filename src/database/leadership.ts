import { WriteFence } from './write-fence.js';

/** Which of several processes on one database may act under one client id of the broker: one at a time. */
export abstract class Leadership extends WriteFence {
  /**
   * Resolves when this process leads; `false` when it was told to resign before.
   * @param onWait called when another process leads and this one waits for it
   */
  abstract win(onWait: () => void): Promise<boolean>;
  /** Resolves when this process does not lead any more. */
  abstract lost(): Promise<void>;
  /** Whether another process waits to lead. */
  abstract hasRival(): Promise<boolean>;
  /** Gives others a chance to win; this process may win again afterwards. */
  abstract yield(): Promise<void>;
  /** For good. */
  abstract resign(): Promise<void>;
}

/** The embedded database has one process only, and so has the built-in broker's service. */
export class SoleProcess extends Leadership {
  override readonly term = undefined;
  private onResign: () => void = () => {};
  private readonly resigned = new Promise<void>((resolve) => (this.onResign = resolve));

  override async win(): Promise<boolean> {
    return true;
  }

  override lost(): Promise<void> {
    return this.resigned;
  }

  override async hasRival(): Promise<boolean> {
    return false;
  }

  override async yield(): Promise<void> {}

  override async resign(): Promise<void> {
    this.onResign();
  }
}
