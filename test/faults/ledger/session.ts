import type { Socket } from 'node:net';
import { connect, type IClientOptions, type MqttClient } from 'mqtt';

/** A session that outlives its connections, and comes back by itself whatever a broker says that starts or ends. */
export function openSession(url: string, clientId: string, options: IClientOptions): MqttClient {
  const mqtt = connect(url, {
    clean: false,
    reconnectPeriod: 100,
    reconnectOnConnackError: true,
    connectTimeout: 5_000,
    ...(options.protocolVersion === 5 ? { properties: { sessionExpiryInterval: 3_600 } } : {}),
    ...options,
    clientId,
  });
  // Lost connections are what the tests are about.
  mqtt.on('error', () => undefined);
  // With Nagle's algorithm a request right after an acknowledgement waits 40 ms for the peer's.
  mqtt.on('connect', () => (mqtt.stream as unknown as Socket).setNoDelay(true));
  return mqtt;
}

/**
 * Subscribes once it is connected, which has to succeed at the first attempt. One filter in each packet: a refused
 * one takes the others of its packet out of later connections.
 */
export async function subscribed(mqtt: MqttClient, filters: string[]): Promise<void> {
  try {
    await new Promise((resolve, reject) => mqtt.once('connect', resolve).once('error', reject));
    await Promise.all(filters.map((filter) => mqtt.subscribeAsync(filter, { qos: 1 })));
  } catch (error) {
    mqtt.end(true);
    throw error;
  }
}
