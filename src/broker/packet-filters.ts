import { shown } from '../protocol/shown.js';
import { hasValidWildcards, isIllFormed } from '../protocol/topics.js';

/** First bytes of the packets with filters. */
const SUBSCRIBE = 0x82;
const UNSUBSCRIBE = 0xa2;
/** Filters in one packet, which is handled in one turn of the event loop. A connection may hold 1,000. */
const MAX_FILTERS = 1_024;

/** What a packet does with filters. */
export interface PacketFilters {
  count: number;
  /** why its connection has to be ended; begins with a verb whose subject is the client */
  fault?: string;
}

const NONE: PacketFilters = { count: 0 };

/**
 * Looks at a whole packet before it is handled. One whose lengths do not fit together is left to the parser.
 *
 * MQTT 3.1.1 has a packet refused that has no filter [MQTT-3.8.3-3, MQTT-3.10.3-2], or a filter that is empty
 * [MQTT-4.7.3-1], ill-formed [MQTT-1.5.3-1, MQTT-1.5.3-2], or has misplaced wildcards [MQTT-4.7.1-2, MQTT-4.7.1-3].
 */
export function filtersOf(packet: Buffer): PacketFilters {
  const isSubscribe = packet[0] === SUBSCRIBE;
  if (!isSubscribe && packet[0] !== UNSUBSCRIBE) return NONE;
  const name = isSubscribe ? 'a SUBSCRIBE' : 'an UNSUBSCRIBE';
  let count = 0;
  // The filters begin behind the fixed header and the packet identifier.
  let at = packet.findIndex((byte, i) => i > 0 && byte < 0x80) + 3;
  for (; at + 2 <= packet.length; count++) {
    if (count === MAX_FILTERS) return { count, fault: `sends ${name} of more than ${MAX_FILTERS} filters` };
    const end = at + 2 + packet.readUInt16BE(at);
    const filter = packet.toString('utf8', at + 2, end);
    if (filter === '' || isIllFormed(filter) || !hasValidWildcards(filter)) {
      const does = isSubscribe ? 'subscribes to' : 'unsubscribes from';
      return { count, fault: `${does} ${shown(filter)}, which MQTT forbids` };
    }
    at = end + (isSubscribe ? 1 : 0);
  }
  return count > 0 ? { count } : { count, fault: `sends ${name} without a filter, which MQTT forbids` };
}
