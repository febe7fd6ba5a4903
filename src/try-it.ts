import { SAMPLE } from './seed.js';

/**
 * What a newcomer needs first: where the service is.
 * @param isSampleOpen whether the sample login has its public password; then there are commands to copy, too
 */
export function tryItText(mqttUrl: string, httpUrl: string, isSampleOpen: boolean): string {
  const { hostname, port } = new URL(mqttUrl);
  const here = EVERYWHERE[hostname];
  const localUrl = here ? `mqtt://${here}:${port}` : mqttUrl;
  const others = here ? `; from other machines: port ${port} of this one` : '';
  const login = isSampleOpen
    ? `as ${SAMPLE.login} / ${SAMPLE.password}`
    : 'with the login and password of a user, like those of your administrator';
  return `
Devices and clients connect to ${localUrl} (MQTT 3.1.1${others}) ${login}
Health is at ${httpUrl}/health/ready
All actions are described at ${httpUrl}/docs
${isSampleOpen ? commands(localUrl) : ''}
`;
}

/** Addresses to listen on that are none to connect to, and what to connect to on this machine. */
const EVERYWHERE: Record<string, string> = { '0.0.0.0': '127.0.0.1', '[::]': '[::1]' };

/** With Mosquitto's tools, and with Node alone. */
function commands(mqttUrl: string): string {
  const { hostname, port } = new URL(mqttUrl);
  const host = hostname.replace(/^\[|\]$/g, '');
  // Without a requestId, so that they can be copied twice: the same request once more has no second effect.
  const insert = `{"action":"command/insert","deviceId":"${SAMPLE.deviceId}","command":{"command":"led/on"}}`;
  const update = (id: string) =>
    `{"action":"command/update","deviceId":"${SAMPLE.deviceId}","commandId":${id},"command":{"status":"done"}}`;
  const rr = `mosquitto_rr -V mqttv311 -h ${host} -p ${port} -u ${SAMPLE.login} -P '${SAMPLE.password}' -i try-it -t dh/request`;
  return `
Insert a command for the sample device and update it, with Mosquitto's tools:

  ID=$(${rr} -e dh/response/command/insert@try-it -m '${insert}' | sed 's/.*"id":\\([0-9]*\\).*/\\1/')
  ${rr} -e dh/response/command/update@try-it -m '${update("'$ID'")}'

The same with Node alone, in this folder:

  node --input-type=module -e "
    import mqtt from 'mqtt';
    const client = await mqtt.connectAsync('${mqttUrl}', { clientId: 'try-it', username: '${SAMPLE.login}', password: '${SAMPLE.password}' });
    await client.subscribeAsync(['dh/response/command/insert@try-it', 'dh/response/command/update@try-it']);
    client.on('message', (topic, payload) => {
      console.log(topic, payload.toString());
      const { command } = JSON.parse(payload);
      if (command) client.publish('dh/request', JSON.stringify({ action: 'command/update', deviceId: '${SAMPLE.deviceId}', commandId: command.id, command: { status: 'done' } }));
      else client.end();
    });
    client.publish('dh/request', JSON.stringify(${insert.replaceAll('"', "'")}));
  "

See the whole conversation with: npm run demo
`;
}
