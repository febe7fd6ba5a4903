/** Devices are `bench-1`, `bench-2` ... */
export const DEVICE = 'bench-';
/** The administrator in the table, as who the watcher connects. */
export const WATCHER = { username: 'bench', password: 'only for benchmarks' };

export type Action =
  | 'command/update'
  | 'command/insert'
  | 'command/get'
  | 'command/list'
  | 'notification/insert'
  | 'notification/list'
  | 'device/count'
  | 'device/list'
  | 'authenticate';

/** What the load generator is to do. */
export interface Job {
  url: string;
  /** makes client ids and request ids unique: no other job has it */
  id: string;
  /** nothing: a PUBLISH on a topic that nobody reads, which is done when it has its PUBACK */
  action?: Action;
  /** whether clients publish on `dh/request/<client id>`, as on a broker of one's own */
  onTopicOfClient: boolean;
  clients: number;
  inFlight: number;
  /** before what counts, with the same load; with 0 the first requests count */
  rampSeconds: number;
  /** ends after these, or after so many requests */
  seconds: number;
  requests?: number;
  /** the longest wait for replies after the last request */
  drainSeconds: number;
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

/** What came of it in the time that counts, unless a member says otherwise. */
export interface Outcome {
  /** requests that were answered with success */
  done: number;
  seconds: number;
  /**
   * how long the requests took that were sent in the time that counts, however late their replies came: pairs of bucket
   * and count, see `Histogram`
   */
  latencies: [bucket: number, count: number][];
  /** of the generator */
  cpuSeconds: number;
  /** replies of another status, by their text; of the whole job, as all below */
  errors: Record<string, number>;
  /** events that reached the watcher, and replies with success */
  events: number;
  successes: number;
  /** requests without a reply at the end of `drainSeconds` */
  unanswered: number;
}

/** Clients that connect, authenticate, and then wait. */
export interface CrowdJob {
  url: string;
  /** makes client ids unique */
  id: string;
  clients: number;
  /** how many of them connect and authenticate at the same time */
  atOnce: number;
  token: string;
  /** what each of them then subscribes at QoS 1; `{n}` is its number, from 1 */
  topic?: string;
}

/** How a crowd has come together. */
export interface Gathering {
  /** from the first CONNECT to the last answer */
  seconds: number;
  /** from each client's connecting to its last answer, as in `Outcome` */
  latencies: [bucket: number, count: number][];
}

/** Updates whose events go to groups of subscribers: the first group gets those of the first device, and so on. */
export interface FanoutJob {
  url: string;
  id: string;
  token: string;
  /** how many subscribers each has */
  groups: number[];
  rounds: number;
  /** updates for each group in a round, one after the other */
  events: number;
  perDevice: number;
}

/** Both from the sending of the update; pairs as in `Outcome`. */
export interface FanoutTurn {
  reply: [bucket: number, count: number][];
  /** to when the last subscriber of the group has its event */
  last: [bucket: number, count: number][];
}

/** To the generator. */
export type Order =
  | { job: Job }
  /** to send one request beside the running job */
  | { probe: true }
  /** to end the running job before its time */
  | { end: true }
  | { gather: CrowdJob }
  /** to close the crowd's connections */
  | { disperse: true }
  | { fanout: FanoutJob };
/** What an order comes to; of a fan-out a list for each round with a turn for each group. */
export type Result = Outcome | Gathering | FanoutTurn[][];
/** From the generator. */
export type Report =
  { started: true } | { ended: true } | { result: Result } | { probed: true } | { failed: string };
