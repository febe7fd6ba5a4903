/** 150 connections with an incomplete packet of 4 MB each took 600 MB. */
const MAX_BYTES = 64 * 1_048_576;

/** A connection with a packet that has arrived in part, or with a CONNECT that is not answered yet. */
export interface Unfinished {
  giveUp(reason: string): void;
}

/** Bounds the memory for the unfinished packets of all connections: the one that takes most gives way. */
export class UnfinishedPackets {
  private readonly bytes = new Map<Unfinished, number>();
  private total = 0;

  /** @param bytes memory that the packet takes now */
  hold(packet: Unfinished, bytes: number): void {
    this.total += bytes - (this.bytes.get(packet) ?? 0);
    this.bytes.set(packet, bytes);
    while (this.total > MAX_BYTES) {
      const largest = this.largest()!;
      this.release(largest);
      largest.giveUp(
        'has the largest packet that is not complete or waits for its login, and the memory for these is used up',
      );
    }
  }

  /** The packet is handled, or its connection has ended. */
  release(packet: Unfinished): void {
    this.total -= this.bytes.get(packet) ?? 0;
    this.bytes.delete(packet);
  }

  private largest(): Unfinished | undefined {
    let largest: Unfinished | undefined;
    let most = 0;
    for (const [packet, bytes] of this.bytes) {
      if (bytes <= most) continue;
      largest = packet;
      most = bytes;
    }
    return largest;
  }
}
