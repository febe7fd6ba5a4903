/** What the transport needs from the composition root. */
export abstract class TransportOptions {
  /** payloads above it are answered 413; bytes */
  abstract maxRequestBytes: number;
  /** requests in work at the same time; above it QoS 0 is refused and QoS 1 waits */
  abstract maxInFlight: number;
  /** the longest a request waits for those before it in its lane; milliseconds */
  abstract deadlineMs: number;
  /** the longest that the handler of an extension may take, unless it says otherwise; milliseconds, 0 for no limit */
  abstract actionTimeoutMs: number;
  /** DeviceHive's actions, which have deadlines of their own; all others are of extensions */
  abstract ownActions: ReadonlySet<string>;
  /** what is known of crashes, absolute path */
  abstract runFile: string;
}
