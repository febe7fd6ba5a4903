import type { MqttClient } from 'mqtt';

/** Requests in work at SIGTERM get this long to be answered; the whole stop has 10 s. */
export const DRAIN_MS = 6_000;
/** Work of a term that was lost comes to nothing; a next term waits for its end no longer than this. */
export const ENDED_MS = 5_000;

/** MQTT.js waits for acknowledgements without limit in `end(false)`. */
const END_MS = 1_000;

/** Clients whose sessions are to end with them. */
const temporary = new WeakSet<MqttClient>();

/** Has the client's session on the broker end when `endClient` is called. MQTT 3.1.1 has no word for it. */
export function endSessionToo(client: MqttClient): void {
  temporary.add(client);
}

/** Disconnects once everything published has left; by force when that takes too long, since `end` works only once. */
export async function endClient(client: MqttClient): Promise<void> {
  const packet = temporary.has(client) ? { properties: { sessionExpiryInterval: 0 } } : {};
  await withDeadline(client.endAsync(!client.connected, packet), END_MS);
  client.stream.destroy();
}

/** Connections that the service has ended itself. */
const renewed = new WeakSet<object>();

/** Ends the connection for the sake of a new one, over which the broker sends again what it waits for. */
export function renewConnection(client: MqttClient): void {
  renewed.add(client.stream);
  client.stream.destroy();
}

/** Whether the client's connection has ended because the service wanted a new one. */
export function isRenewed(client: MqttClient): boolean {
  return renewed.has(client.stream);
}

/** Connections that are risked for a message that may end them. */
const risked = new WeakSet<object>();

/** Has the next connection follow soon if this one ends: it works, and a single message is the cause. */
export function riskConnection(client: MqttClient): void {
  risked.add(client.stream);
}

/** Whether the client's connection has ended over something else than the broker or the network being away. */
export function isFollowedSoon(client: MqttClient): boolean {
  return isRenewed(client) || risked.has(client.stream);
}

/** Resolves with the promise or after the time, whichever comes first; never rejects. */
export async function withDeadline(promise: Promise<unknown>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise((resolve) => (timer = setTimeout(resolve, milliseconds)));
  await Promise.race([promise.catch(() => undefined), deadline]);
  clearTimeout(timer);
}
