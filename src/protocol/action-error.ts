/**
 * The one way a request fails: thrown anywhere between decoding and commit, answered as
 * `{action, requestId, code, status: "error", error}`.
 *
 * `code` is DeviceHive's numeric code (HTTP family), `message` its text; both are part of the
 * contract (`docs/compatibility.md`) and clients compare them literally.
 */
export class ActionError extends Error {
  constructor(
    readonly code: number,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = 'ActionError';
  }
}

/** What a failure says to the client by itself. TypeORM keeps what its connection throws in `driverError`. */
export function actionErrorIn(error: unknown): ActionError | undefined {
  const cause = (error as { driverError?: unknown } | undefined)?.driverError ?? error;
  return cause instanceof ActionError ? cause : undefined;
}

/** The database did not answer. A QoS 1 request is not refused for it, but tried again until it does. */
export class Unavailable extends ActionError {
  /** Whether its cause may be the request itself, and not the connection: it is tried again a few times only. */
  readonly isUnexplained: boolean;

  /** @param isOutcomeUnknown the change was sent, and may have been applied */
  constructor(
    message: string,
    readonly isOutcomeUnknown: boolean,
    { isUnexplained = false, ...options }: ErrorOptions & { isUnexplained?: boolean } = {},
  ) {
    super(503, message, options);
    this.isUnexplained = isUnexplained;
  }
}

/** Somebody else has held a row for longer than the deadline. */
export class RowLocked extends ActionError {
  constructor(cause?: unknown) {
    super(503, 'The row is locked by somebody else, try again', { cause });
  }
}

export const databaseAway = (cause?: unknown, isUnexplained = false): Unavailable =>
  new Unavailable('Database is unavailable, try again', false, { cause, isUnexplained });

/** DeviceHive's answer to anything that is not the JSON it expects (the spelling is the original's). */
export const MALFORMED_JSON = 'Malformed Json received.';

export const malformed = (): ActionError => new ActionError(400, MALFORMED_JSON);
export const unauthorized = (): ActionError => new ActionError(401, 'Unauthorized');
export const invalidCredentials = (): ActionError => new ActionError(401, 'Invalid credentials');
export const tokenExpired = (): ActionError => new ActionError(401, 'Token expired');
export const accessDenied = (): ActionError => new ActionError(403, 'Access is denied');
export const internalError = (): ActionError => new ActionError(500, 'Internal server error');
export const overloaded = (): ActionError => new ActionError(503, 'Service is overloaded, try again');
export const rowLocked = (cause?: unknown): RowLocked => new RowLocked(cause);
export const stopping = (): ActionError => new ActionError(503, 'Service is stopping, try again');
export const retainedRequest = (): ActionError => new ActionError(400, 'Retained requests are not executed');
export const foreignTopic = (): ActionError =>
  new ActionError(400, 'Response Topic must be below dh/response/ and end in @ and the own client id');
export const requestTooLarge = (maxBytes: number): ActionError =>
  new ActionError(413, `Request is larger than ${maxBytes} bytes`);
export const replyTooLarge = (): ActionError => new ActionError(413, 'Reply is larger than the broker takes');
/** @param limit milliseconds, or what stands for them in a description */
export const actionTimeout = (limit: number | '<n>'): ActionError =>
  new ActionError(504, `The action took longer than ${limit} ms`);
export const deviceNotFound = (deviceId: string): ActionError =>
  new ActionError(404, `Device with such deviceId = ${deviceId} not found`);

/**
 * Another replica has taken over while a request was at work: nothing was changed, and the request is left to the
 * broker, which hands it to the other one. Never answered.
 */
export class Superseded extends Error {
  constructor() {
    super('Another replica has taken over');
    this.name = 'Superseded';
  }
}
