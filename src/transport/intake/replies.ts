import { Logger } from '@nestjs/common';
import type { IClientPublishOptions } from 'mqtt';
import type { RefusalLog } from '../../logging/refusal-log.js';
import { replyTooLarge } from '../../protocol/action-error.js';
import { type Answered, errorReply } from '../../protocol/envelope.js';
import { shown } from '../../protocol/shown.js';
import { isActionName } from '../../protocol/topics.js';
import type { Delivery, RequestChannel } from '../link/request-channel.js';
import { refusalLine } from './refusal-line.js';
import type { Refusal } from './request-reader.js';

/** An event as the broker gets it. */
export interface OutgoingEvent {
  topic: string;
  payload: string;
  properties?: IClientPublishOptions['properties'];
}

/** What leaves the service: one reply for each request, and events. */
export class Replies {
  private readonly logger = new Logger('Requests');

  constructor(private readonly refusals: RefusalLog) {}

  /** @param request names the topic */
  answer(delivery: Delivery, request: Answered, payload: string): void {
    delivery.settle(() => this.reply(delivery, request, payload));
  }

  /** Answers what never reached a handler, with its line in the log. */
  refuse(delivery: Delivery, { error, request }: Refusal): void {
    this.refusals.refused(delivery.origin.clientId, () => refusalLine(delivery.origin, error, request));
    this.answer(delivery, request ?? { action: null }, errorReply(request, error));
  }

  /** QoS 1, not retained. Without a channel nobody has asked for anything. */
  publishEvent(channel: RequestChannel | undefined, event: OutgoingEvent): void {
    const { topic, payload, properties } = event;
    if (channel?.outgoing.fits(topic, payload, properties) === false) {
      return this.logger.error(`An event on ${shown(topic)} is larger than the broker takes: not sent`);
    }
    channel?.outgoing.publish(topic, payload, 1, properties);
  }

  private reply({ channel, origin }: Delivery, request: Answered, payload: string): void {
    const { action } = request;
    const topic = origin.replyTopic(action && isActionName(action) ? action : null);
    const { correlationData } = origin;
    const qos = Math.min(origin.qos, 1) as 0 | 1;
    const properties = correlationData && { correlationData };
    const fits = (text: string) => channel.outgoing.fits(topic, text, properties);
    const publish = (text: string) => channel.outgoing.publish(topic, text, qos, properties);
    if (fits(payload)) return publish(payload);
    const error = replyTooLarge();
    this.refusals.failed(origin.clientId, () => refusalLine(origin, error, request));
    const refusal = errorReply(request, error);
    // A requestId that leaves no room for anything else is left out, as one that breaks a limit is.
    publish(fits(refusal) ? refusal : errorReply({ action }, error));
  }
}
