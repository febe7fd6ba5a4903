import { MqttContext } from '@nestjs/microservices';
import type { IPublishPacket } from 'mqtt-packet';
import { Unavailable } from '../protocol/action-error.js';
import type { Envelope } from '../protocol/envelope.js';
import type { RequestOrigin } from './link/client-identity.js';

/**
 * Transport id of the handlers of DeviceHive actions: `@MessagePattern('command/update', DEVICEHIVE)`.
 * Handlers of other transports in the same application are ignored here, and ours there.
 */
export const DEVICEHIVE: unique symbol = Symbol.for('nest-devicehive');

/** Third argument of `@MessagePattern(action, DEVICEHIVE, extras)`. */
export interface ActionExtras {
  /** requests of one client with the same number or text in this field are executed in the order of their arrival */
  inOrderOf?: string;
  /** a request that is executed once more has no second effect, so one whose outcome is unknown can be tried again */
  isRepeatable?: boolean;
  /** milliseconds after which a request is answered 504; `ACTION_TIMEOUT_MS` unless told, 0 for no limit */
  timeoutMs?: number;
}

/** Of one request, over a second and a half; it may be the one that the driver cannot send. */
const MAX_UNEXPLAINED = 5;

/**
 * Whether a request that failed is to be tried again instead of being answered: the database was away, and its
 * sender waits for a PUBACK.
 */
export function isHeld(error: unknown, { origin, extras, unexplained }: DeviceHiveContext): boolean {
  if (!(error instanceof Unavailable) || origin.qos === 0) return false;
  if (error.isUnexplained && unexplained > MAX_UNEXPLAINED) return false;
  return !error.isOutcomeUnknown || extras.isRepeatable === true;
}

/** Marks a handler in its pattern's extras, which is all that Nest tells a server about it. */
export const ACTION_EXTRAS = { [DEVICEHIVE]: true };

export function isAction(extras: object | undefined): boolean {
  return extras !== undefined && DEVICEHIVE in extras;
}

/** What guards, pipes, filters and handlers can learn of one request; `@Ctx()` gives it to a handler. */
export class DeviceHiveContext extends MqttContext {
  readonly origin: RequestOrigin;
  /** how often it has failed so that nobody knows whether the database was away */
  unexplained = 0;
  /** it was answered 504, and whatever its handler still does has no effect on the reply */
  isTimedOut = false;

  constructor(
    { packet, origin }: { packet: IPublishPacket; origin: RequestOrigin },
    readonly request: Envelope,
    /** what the handler's pattern says */
    readonly extras: ActionExtras = {},
  ) {
    super([packet.topic, packet as unknown as Record<string, unknown>]);
    this.origin = origin;
  }
}
