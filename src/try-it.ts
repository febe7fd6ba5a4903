import { SAMPLE } from './seed.js';

/** What a newcomer copies: with Mosquitto's tools, and with Node alone. */
export function tryItText(mqttUrl: string, httpUrl: string): string {
  const { hostname, port } = new URL(mqttUrl);
  const insert = `{"action":"command/insert","requestId":1,"deviceId":"${SAMPLE.deviceId}","command":{"command":"led/on"}}`;
  const update = (id: string) =>
    `{"action":"command/update","requestId":2,"deviceId":"${SAMPLE.deviceId}","commandId":${id},"command":{"status":"done"}}`;
  const rr = `mosquitto_rr -V mqttv311 -h ${hostname} -p ${port} -u ${SAMPLE.login} -P '${SAMPLE.password}' -i try-it -t dh/request`;
  return `
Devices and clients connect to ${mqttUrl} (MQTT 3.1.1) as ${SAMPLE.login} / ${SAMPLE.password}
Health is at ${httpUrl}/health/ready
All actions are described at ${httpUrl}/docs

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
      if (command) client.publish('dh/request', JSON.stringify({ action: 'command/update', requestId: 2, deviceId: '${SAMPLE.deviceId}', commandId: command.id, command: { status: 'done' } }));
      else client.end();
    });
    client.publish('dh/request', JSON.stringify(${insert.replaceAll('"', "'")}));
  "

See the whole conversation with: npm run demo

`;
}
