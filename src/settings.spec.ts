import 'reflect-metadata';
import { describe, expect, it } from 'vitest';
import { type DeviceHiveOptions, readOptions } from './devicehive.options.js';
import { type Environment, readEnvironment, VARIABLES } from './environment.js';
import type { DeviceHiveSettings } from './settings.js';

/** Each variable once, as typed options: a name or a type that is wrong does not compile. */
const ALL: Required<{ [Group in keyof DeviceHiveSettings]: Required<DeviceHiveSettings[Group]> }> = {
  database: { url: 'postgres://db/dh', poolSize: 3 },
  data: { dir: 'elsewhere' },
  mqtt: {
    url: 'mqtts://broker',
    host: '::1',
    port: 0,
    clientId: 'me',
    sharedGroup: 'group',
    caFile: 'ca.pem',
    username: 'service',
    password: 'secret',
  },
  client: { idSource: 'property:client' },
  ordinary: { topics: 'nobody' },
  http: { host: '127.0.0.2', port: 8_080 },
  jwt: {
    secret: 'c2VjcmV0',
    allowWeakSecret: true,
    jwksUrl: 'https://id.example.com/jwks',
    publicKey: '-----BEGIN PUBLIC KEY-----',
    issuer: 'https://id.example.com',
    audience: 'devices',
  },
  admin: { login: 'admin', password: 'password' },
  seed: { sampleData: false },
  allow: { sampleLogin: true },
  max: { requestBytes: 2_048, inFlight: 12 },
  request: { deadlineMs: 1_000, replayWindow: 0 },
  action: { timeoutMs: 5 },
  command: { updateFields: ['status', 'result'], retentionDays: 30 },
  log: { level: 'silent' },
};

/** The members of typed options, in the order of their names. */
const valuesOf = (settings: object): unknown[] =>
  Object.values(settings).flatMap((members: object) => Object.values(members));

describe('typed options', () => {
  it('reach the configuration with their values, each under the name of its variable', () => {
    const environment = readEnvironment(readOptions(ALL));
    const variables = [...VARIABLES] as (keyof Environment)[];
    expect(Object.keys(environment)).toEqual(expect.arrayContaining(variables));
    const read = variables.map((name) => environment[name]);
    expect(read).toEqual(expect.arrayContaining(valuesOf(ALL)));
    expect(read).toHaveLength(valuesOf(ALL).length);
    expect(environment.MQTT_CLIENT_ID).toBe('me');
  });

  it('win over the variables beside them, unless they are undefined', () => {
    const environment = { MQTT_PORT: '1883', HTTP_PORT: '3000' };
    const options: DeviceHiveOptions = { environment, mqtt: { port: 0 }, http: { port: undefined } };
    expect(readOptions(options)).toEqual({ MQTT_PORT: '0', HTTP_PORT: '3000' });
  });

  it('may have what is no variable beside them', () => {
    expect(readOptions({ actions: [], migrations: [], health: false, docs: false })).toEqual({});
  });

  it.each([
    [{ mqqt: { port: 1 } }, /^There is no option mqqt, only database, data, mqtt, .*, log$/],
    [{ mqtt: { prot: 1 } }, /^There is no option mqtt.prot, only url, host, port, /],
    [{ mqtt: { constructor: 1 } }, /^There is no option mqtt.constructor, /],
    [{ constructor: {} }, /^There is no option constructor, /],
  ])('of other names are refused, and those that exist are named: %j', (options, message) => {
    expect(() => readOptions(options as DeviceHiveOptions)).toThrow(message);
  });

  it.each([
    [{ jwt: { secret: null } }, 'The option jwt.secret must be text'],
    [{ jwt: { secret: { a: 1 } } }, 'The option jwt.secret must be text'],
    [{ mqtt: { password: 123_456 } }, 'The option mqtt.password must be text'],
    [{ mqtt: { host: ['::1'] } }, 'The option mqtt.host must be text'],
    [{ mqtt: { port: [1_883] } }, 'The option mqtt.port must be a number'],
    [{ mqtt: { port: true } }, 'The option mqtt.port must be a number'],
    [{ mqtt: { port: null } }, 'The option mqtt.port must be a number'],
    [{ allow: { sampleLogin: 1 } }, 'The option allow.sampleLogin must be true or false'],
    [
      { command: { updateFields: [] } },
      'The option command.updateFields must be a list of texts that is not empty',
    ],
    [
      { command: { updateFields: [null] } },
      'The option command.updateFields must be a list of texts that is not empty',
    ],
    [
      { command: { updateFields: new Set(['status']) } },
      'The option command.updateFields must be a list of texts that is not empty',
    ],
    [{ mqtt: 5 }, 'The option mqtt must be an object with members such as url'],
    [{ mqtt: null }, 'The option mqtt must be an object with members such as url'],
    [{ mqtt: [] }, 'The option mqtt must be an object with members such as url'],
    [{ mqtt: 'mqtt://broker' }, 'The option mqtt must be an object with members such as url'],
    [{ http: new Map([['port', 80]]) }, 'The option http must be an object with members such as host'],
  ])('of other types are refused, in a sentence without the value: %j', (options, message) => {
    expect(() => readOptions(options as unknown as DeviceHiveOptions)).toThrow(new Error(message));
  });

  it('may be text as their variables are, and groups may be undefined or of a class', () => {
    class Mqtt {
      port = '1883';
    }
    const options = { mqtt: new Mqtt(), http: undefined, allow: { sampleLogin: 'true' } };
    expect(readOptions(options as unknown as DeviceHiveOptions)).toEqual({
      MQTT_PORT: '1883',
      ALLOW_SAMPLE_LOGIN: 'true',
    });
  });

  it('are checked as their variables are', () => {
    const options = { mqtt: { port: '80a' as never } };
    expect(() => readEnvironment(readOptions(options))).toThrow(
      'MQTT_PORT must be an integer from 0 to 65535 (it is "80a")',
    );
  });
});
