import type { Socket } from 'node:net';
import { Logger } from '@nestjs/common';
import { connect, type MqttClient } from 'mqtt';
import { NO_LOG } from '../transport/link/broker-link.js';
import { endSessionToo, isFollowedSoon, isRenewed } from '../transport/link/drain.js';
import type { ExternalBrokerOptions } from './external-broker.options.js';

/** Less than the keep-alive of most proxies between. */
const KEEP_ALIVE_S = 30;
const CONNECT_MS = 5_000;
/** The broker keeps requests for a service that is away so long. */
const SESSION_EXPIRY_S = 7 * 86_400;
/** Of a group, which has others: what waits for a dead member is to come to them. */
const MEMBER_EXPIRY_S = 60;
const FIRST_DELAY_MS = 250;
/** Clients are answered soon after their broker is back. */
const MAX_DELAY_MS = 3_000;
/** A connection that lasts so long counts as a good one. */
const STABLE_MS = 10_000;
/** Beside topic and payload, which `maxRequestBytes` bounds, a PUBLISH has properties: 64 kB of correlation data. */
const EXTRA_BYTES = 131_072;

const WINDOW_FACTOR = 8;

const MQTT_5 = 5;
const MQTT_3_1_1 = 4;
/** "Unacceptable protocol version" of MQTT 3.1.1, "Unsupported Protocol Version" of MQTT 5. */
const SPEAKS_NO_MQTT_5 = new Set([1, 132]);
/** "Bad user name or password" and "Not authorized" of MQTT 3.1.1 and of MQTT 5. */
const REFUSES_CREDENTIALS = new Set([4, 5, 134, 135]);
/** Some brokers close instead of saying so, as RabbitMQ 3 does. */
const CLOSES_BEFORE_TRIAL = 3;
const CLOSED_BY_PEER = new Set([undefined, 'ECONNRESET', 'EPIPE']);
const SESSION_TAKEN_OVER = 142;

/**
 * Requests that the broker may send before the first is acknowledged, as Receive Maximum. More than are in work at a
 * time, since acknowledgements leave in order: behind one that takes long the others go on.
 */
export function windowOf({ maxInFlight }: ExternalBrokerOptions): number {
  return Math.min(maxInFlight * WINDOW_FACTOR, 65_535);
}

/**
 * A client with a persistent session, which connects for ever: with a growing delay, also after a refusal, and with
 * MQTT 3.1.1 where the broker speaks no MQTT 5.
 */
export function openBrokerClient(options: ExternalBrokerOptions): MqttClient {
  const { url, clientId, username, password, ca } = options;
  const client = connect(url, {
    clientId,
    username,
    password,
    ca,
    protocolVersion: MQTT_5,
    clean: false,
    keepalive: KEEP_ALIVE_S,
    // A timer anew for each packet that comes takes 3 % of the time.
    reschedulePings: false,
    connectTimeout: CONNECT_MS,
    reconnectPeriod: FIRST_DELAY_MS,
    reconnectOnConnackError: true,
    resubscribe: false,
    log: NO_LOG,
    properties: {
      sessionExpiryInterval: options.sharedGroup ? MEMBER_EXPIRY_S : SESSION_EXPIRY_S,
      receiveMaximum: windowOf(options),
      maximumPacketSize: options.maxRequestBytes * 4 + EXTRA_BYTES,
    },
  });
  backOff(client);
  fallBackToOlderVersion(client, options);
  if (!options.clientIdProperty) tryOlderVersion(client, options);
  if (options.sharedGroup) endSessionToo(client);
  report(client, options);
  // With Nagle's algorithm a reply waits 40 ms for the acknowledgement of the one before.
  client.on('connect', () => (client.stream as unknown as Socket).setNoDelay(true));
  return client;
}

/** MQTT.js has one delay for all attempts, and reads it when a connection has ended. */
function backOff(client: MqttClient): void {
  let attempts = 0;
  let stable: NodeJS.Timeout | undefined;
  const next = () => {
    const delay = Math.min(FIRST_DELAY_MS * 2 ** attempts++, MAX_DELAY_MS);
    client.options.reconnectPeriod = delay * (0.5 + Math.random() / 2);
  };
  client.on('reconnect', next);
  client.on('connect', () => {
    stable = setTimeout(() => {
      attempts = 0;
      next();
    }, STABLE_MS).unref();
  });
  // Before MQTT.js reads the delay. Work was done since the last time, so that the first delay is enough.
  client.prependListener('close', () => {
    clearTimeout(stable);
    if (!isFollowedSoon(client)) return;
    attempts = 0;
    next();
  });
}

function fallBackToOlderVersion(client: MqttClient, { url, clientIdProperty }: ExternalBrokerOptions): void {
  client.on('error', ({ code }: Error & { code?: unknown }) => {
    if (client.options.protocolVersion !== MQTT_5 || !SPEAKS_NO_MQTT_5.has(code as number)) return;
    client.options.protocolVersion = MQTT_3_1_1;
    const logger = new Logger('Broker');
    logger.warn(`${url} speaks no MQTT 5, going on with MQTT 3.1.1`);
    if (clientIdProperty) {
      logger.error('CLIENT_ID_SOURCE names a user property, which needs MQTT 5: no request is executed');
    }
  });
}

/**
 * A broker that closes the connection instead of answering may speak no MQTT 5, or not work yet: after some closes the
 * next attempt is one with MQTT 3.1.1, and the version that is answered first stays.
 */
function tryOlderVersion(client: MqttClient, { url }: ExternalBrokerOptions): void {
  let closes = 0;
  let reason: unknown;
  let isAnswered = false;
  client.on('connect', () => {
    if (!isAnswered && client.options.protocolVersion === MQTT_3_1_1)
      new Logger('Broker').warn(
        `${url} answers MQTT 3.1.1 and has closed each connection with MQTT 5: going on with MQTT 3.1.1 until the next start`,
      );
    isAnswered = true;
  });
  client.on('error', ({ code }: Error & { code?: unknown }) => {
    reason = code;
    // An answer, if a refusal.
    if (typeof code === 'number') isAnswered = true;
  });
  client.on('close', () => {
    const isClosedByPeer = CLOSED_BY_PEER.has(reason as string | undefined);
    reason = undefined;
    if (isAnswered) return;
    closes = isClosedByPeer ? (closes + 1) % (CLOSES_BEFORE_TRIAL + 1) : 0;
    client.options.protocolVersion = closes === CLOSES_BEFORE_TRIAL ? MQTT_3_1_1 : MQTT_5;
  });
}

/** Each trouble once, until it is over. */
function report(client: MqttClient, { url, clientId }: ExternalBrokerOptions): void {
  const logger = new Logger('Broker');
  const remedy = `the client id ${clientId}: replicas must share one database, all others need another MQTT_CLIENT_ID`;
  const said = new Set<string>();
  let connectedAt = -Infinity;
  let shortOnes = 0;
  const complain = (text: string) => {
    if (!said.has(text)) logger.error(text);
    said.add(text);
  };
  client.on('error', (error: Error & { code?: unknown }) => {
    const variables = REFUSES_CREDENTIALS.has(error.code as number) ? ' (MQTT_USERNAME, MQTT_PASSWORD)' : '';
    complain(`${url}: ${error.message || String(error)}${variables}; trying again`);
  });
  client.on('connect', ({ sessionPresent }) => {
    connectedAt = performance.now();
    said.clear();
    const session = sessionPresent ? 'its session goes on' : 'with a new session';
    const version = client.options.protocolVersion === MQTT_5 ? 'MQTT 5' : 'MQTT 3.1.1';
    logger.log(`Connected to ${url} as ${clientId} with ${version}, ${session}`);
  });
  client.on('disconnect', ({ reasonCode }) => {
    if (reasonCode === SESSION_TAKEN_OVER) complain(`Another connection to ${url} has taken over ${remedy}`);
    else complain(`${url} ends the connection, reason ${reasonCode}`);
  });
  // MQTT 3.1.1 has no reasons, and Mosquitto 2.0 gives none.
  client.on('close', () => {
    const lasted = performance.now() - connectedAt;
    connectedAt = -Infinity;
    if (isRenewed(client) || client.disconnecting) return;
    if (said.size === 0) complain(`${url} is away; trying again`);
    if (lasted === Infinity) return;
    shortOnes = lasted < STABLE_MS ? shortOnes + 1 : 0;
    if (shortOnes === 3)
      complain(`${url} soon ends each connection: another one may be taking over ${remedy}`);
  });
}
