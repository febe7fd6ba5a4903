import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeClient } from './support/client-contract.js';
import { CommandLine } from './support/command-line.js';
import { letWatch, Mosquitto, passwordOf } from './support/mosquitto.js';
import { serviceOn } from './support/on-mosquitto.js';
import { MqttProxy } from './support/proxy.js';
import { SAMPLE_DEVICE, TestService } from './support/service.js';
import { signToken } from './support/token.js';

const NAMES = ['nest-1', 'nest-2'] as const;
let broker: Mosquitto;
let service: TestService;
let proxy: MqttProxy;

beforeAll(async () => {
  broker = await Mosquitto.start({ users: [...NAMES], acl: letWatch(...NAMES) });
  service = await TestService.start(serviceOn(broker));
  proxy = await MqttProxy.start(broker.url);
});
afterAll(async () => {
  await proxy?.stop();
  await service?.stop();
  await broker?.stop();
});

for (const protocolVersion of [4, 5] as const) {
  describeClient(`Mosquitto with MQTT ${protocolVersion === 4 ? '3.1.1' : '5'}`, () => ({
    proxy,
    options: (number) => ({ ...broker.login(NAMES[number - 1]), protocolVersion }),
    sql: (statement, parameters) => service.sql(statement, parameters),
    // The ACL names the topics of the actions that there are; the one Response Topic of MQTT 5 is for all.
    hearsUnknownActions: protocolVersion === 5,
  }));
}

it('the command line inserts a command as a user of Mosquitto, with MQTT 3.1.1 and 5', async () => {
  const env = {
    DEVICEHIVE_URL: broker.url,
    DEVICEHIVE_TOKEN: signToken(),
    DEVICEHIVE_MQTT_USERNAME: NAMES[0],
    DEVICEHIVE_MQTT_PASSWORD: passwordOf(NAMES[0]),
  };
  for (const options of [[], ['--mqtt5']]) {
    const line = CommandLine.start(env, 'insert', SAMPLE_DEVICE, 'led/on', ...options);
    expect([await line.exit(), line.errors]).toEqual([0, '']);
    expect(line.out).toMatch(/^\d+\n$/);
  }
});
