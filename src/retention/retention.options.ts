/** The retention's part of the configuration. */
export abstract class RetentionOptions {
  /** older commands and notifications are deleted; `undefined` keeps all of them */
  abstract days?: number;
  /** the embedded database has no autovacuum: the room of deleted rows is used again when somebody asks for it */
  abstract vacuums: boolean;
}
