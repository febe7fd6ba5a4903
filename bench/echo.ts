import type { Socket } from 'node:net';
import { connect } from 'mqtt';

/**
 * The limit: MQTT.js alone, without Nest and without a database, which publishes the two packets of a successful
 * `command/update` for each request.
 */
const client = connect(process.env.MQTT_URL!, { clientId: 'devicehive' });

client.on('connect', () => {
  // With Nagle's algorithm a reply waits 40 ms for the acknowledgement of the one before.
  (client.stream as unknown as Socket).setNoDelay(true);
  client.subscribe('dh/request/+', { qos: 1 }, () => process.stdout.write('ready\n'));
});

client.on('message', (topic, payload) => {
  const { action, requestId, deviceId, commandId, command } = JSON.parse(payload.toString());
  const now = new Date().toISOString().slice(0, -1);
  const stored = {
    id: commandId,
    command: 'lamp/switch',
    timestamp: now,
    lastUpdated: now,
    userId: 1,
    deviceId,
    networkId: 1,
    deviceTypeId: 1,
    parameters: { text: 'x'.repeat(60), level: commandId, colour: 'green' },
    lifetime: null,
    ...command,
  };
  const event = JSON.stringify({ action, command: stored, subscriptionId: 0 });
  client.publish(`dh/command_update/1/1/${deviceId}/lamp/switch`, event, { qos: 1 });
  const clientId = topic.slice('dh/request/'.length);
  const reply = JSON.stringify({ action, requestId, status: 'success' });
  client.publish(`dh/response/${action}@${clientId}`, reply, { qos: 1 });
});
