/** Devices are `bench-1`, `bench-2` ... */
export const DEVICE = 'bench-';
/** The administrator in the table, as who the watcher connects. */
export const WATCHER = { username: 'bench', password: 'only for benchmarks' };

/** What the load generator is to do. */
export interface Job {
  url: string;
  /** makes client ids and request ids unique: no other job has it */
  id: string;
  /** nothing: a PUBLISH on a topic that nobody reads, which is done when it has its PUBACK */
  action?: 'command/update' | 'command/insert' | 'command/get' | 'command/list';
  /** whether clients publish on `dh/request/<client id>`, as on a broker of one's own */
  onTopicOfClient: boolean;
  clients: number;
  inFlight: number;
  /** before what counts, with the same load */
  rampSeconds: number;
  /** ends after these, or after so many requests */
  seconds: number;
  requests?: number;
  token: string;
  /** commands in the table, of which each request takes one at random */
  rows: number;
  /** commands of each device */
  perDevice: number;
  /** more members of the request */
  members?: object;
  /** whether somebody receives all events */
  isWatched: boolean;
}

/** What came of it, of the time that counts unless told. */
export interface Outcome {
  /** requests that were answered with success */
  done: number;
  seconds: number;
  /** how many requests took how long: pairs of bucket and count, see `Histogram` */
  latencies: [bucket: number, count: number][];
  /** of the generator */
  cpuSeconds: number;
  /** replies of another status, by their text; of the whole job, as all below */
  errors: Record<string, number>;
  /** events that reached the watcher, and replies with success */
  events: number;
  successes: number;
  /** requests without a reply five seconds after the last one was sent */
  unanswered: number;
}

/** To the generator: a job, or the order to send one request beside the running one. */
export type Order = { job: Job } | { probe: true };
/** From the generator. */
export type Report =
  { started: true } | { ended: true } | { outcome: Outcome } | { probed: true } | { failed: string };
