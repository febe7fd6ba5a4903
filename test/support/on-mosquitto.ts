import { TestClient, type TestClientOptions } from './client.js';
import type { Mosquitto } from './mosquitto.js';

/** What a service needs to serve on a broker, maybe through a proxy. */
export function serviceOn(broker: Mosquitto, url = broker.url): Record<string, string> {
  const { username, password } = broker.login();
  return { MQTT_URL: url, MQTT_USERNAME: username, MQTT_PASSWORD: password };
}

/** A client as the broker knows it by its user name, which publishes its requests where it may. */
export function connectOn(
  broker: Mosquitto,
  name: string,
  options: TestClientOptions = {},
): Promise<TestClient> {
  const requestTopic = `dh/request/${name}`;
  return TestClient.connect(broker.url, { ...broker.login(name), requestTopic, ...options });
}
