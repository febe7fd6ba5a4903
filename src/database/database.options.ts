/** Which database, and how much of it. */
export abstract class DatabaseOptions {
  /** `postgres://...`; `undefined` for the embedded database in `dataDir` */
  abstract url?: string;
  /** absolute path */
  abstract dataDir: string;
  abstract poolSize: number;
  /** the longest a statement waits for a row that somebody else holds, in milliseconds */
  abstract deadlineMs: number;
  abstract seedSampleData: boolean;
  /** its password is public, and not only this machine can reach the service or its rows */
  abstract warnOfSampleData: boolean;
  /** created once where no administrator exists */
  abstract admin?: { login: string; password: string };
}
