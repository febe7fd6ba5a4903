/** What the transport needs from the composition root. */
export abstract class TransportOptions {
  /** payloads above it are answered 413; bytes */
  abstract maxRequestBytes: number;
  /** requests in work at the same time; above it QoS 0 is refused and QoS 1 waits */
  abstract maxInFlight: number;
  /** the longest a request waits for those before it in its lane; milliseconds */
  abstract deadlineMs: number;
  /** what is known of crashes, absolute path */
  abstract runFile: string;
}
