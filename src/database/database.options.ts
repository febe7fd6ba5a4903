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
  /** what a start does if anybody can log in with the public password of the sample user */
  abstract sampleLogin: 'accept' | 'warn' | 'refuse';
  /** created once where no administrator exists; as the sample user, replaces its public password */
  abstract admin?: { login: string; password: string };
}
