import type { MqttClient } from 'mqtt';

/** MQTT.js waits for acknowledgements without limit in `end(false)`. */
const END_MS = 1_000;

/**
 * Waits for the requests in work, `milliseconds` at most.
 * @param filter what to unsubscribe from first; `undefined` where the broker is to keep what comes from now on
 */
export async function drain(
  client: MqttClient,
  filter: string | undefined,
  idle: Promise<void>,
  milliseconds: number,
): Promise<void> {
  if (filter && client.connected) await withDeadline(client.unsubscribeAsync(filter), END_MS);
  await withDeadline(idle, milliseconds);
}

/** Disconnects once everything published has left; by force when that takes too long. */
export async function endClient(client: MqttClient): Promise<void> {
  await withDeadline(client.endAsync(!client.connected), END_MS);
  client.end(true);
}

/** Resolves with the promise or after the time, whichever comes first; never rejects. */
export async function withDeadline(promise: Promise<unknown>, milliseconds: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise((resolve) => (timer = setTimeout(resolve, milliseconds)));
  await Promise.race([promise.catch(() => undefined), deadline]);
  clearTimeout(timer);
}
