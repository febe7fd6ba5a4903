import 'reflect-metadata';
import { describe, expect, it } from 'vitest';
import { readEnvironment } from './environment.js';

describe('readEnvironment', () => {
  it('has a default for everything that needs one', () => {
    const defaults = {
      DATA_DIR: '.data',
      DATABASE_POOL_SIZE: 8,
      MQTT_HOST: '127.0.0.1',
      MQTT_CLIENT_ID: 'devicehive',
      CLIENT_ID_SOURCE: 'topic',
      ORDINARY_TOPICS: 'authenticated',
      HTTP_HOST: '127.0.0.1',
      JWT_ALLOW_WEAK_SECRET: false,
      ALLOW_SAMPLE_LOGIN: false,
      MAX_REQUEST_BYTES: 1_048_576,
      MAX_IN_FLIGHT: 1024,
      REQUEST_DEADLINE_MS: 10_000,
      ACTION_TIMEOUT_MS: 30_000,
      REQUEST_REPLAY_WINDOW: 600,
      COMMAND_UPDATE_FIELDS: ['command', 'timestamp', 'parameters', 'lifetime', 'status', 'result'],
      LOG_LEVEL: 'info',
    };
    const empty = Object.fromEntries(Object.keys(defaults).map((name) => [name, '']));
    expect({ ...readEnvironment({}) }).toEqual(defaults);
    expect({ ...readEnvironment({ ...empty, DATABASE_URL: '', JWT_SECRET: '' }) }).toEqual(defaults);
  });

  it.each([
    ['DATABASE_URL', 'postgresql://me:pw@db:5432/dh', 'postgresql://me:pw@db:5432/dh'],
    ['DATABASE_POOL_SIZE', '1000', 1000],
    ['MQTT_URL', 'mqtts://broker', 'mqtts://broker'],
    ['MQTT_PORT', '0', 0],
    ['HTTP_PORT', '65535', 65_535],
    ['CLIENT_ID_SOURCE', 'property:client', 'property:client'],
    ['ORDINARY_TOPICS', 'nobody', 'nobody'],
    ['JWT_ALLOW_WEAK_SECRET', 'true', true],
    ['SEED_SAMPLE_DATA', 'false', false],
    ['JWT_JWKS_URL', 'https://id.example.com/jwks', 'https://id.example.com/jwks'],
    ['REQUEST_REPLAY_WINDOW', '0', 0],
    ['COMMAND_UPDATE_FIELDS', 'status, result', ['status', 'result']],
    ['COMMAND_RETENTION_DAYS', '1', 1],
    ['LOG_LEVEL', 'silent', 'silent'],
  ])('reads %s=%s', (name, value, expected) => {
    expect(readEnvironment({ [name]: value })).toHaveProperty(name, expected);
  });

  it('ignores the variables of others', () => {
    const others = { PATH: '/bin', HOME: ['/'], constructor: 1 };
    expect(readEnvironment(others as never)).toEqual(readEnvironment({}));
  });

  it.each([
    ['DATABASE_POOL_SIZE', '0', 'must be an integer from 1 to 1000 (it is "0")'],
    ['DATABASE_POOL_SIZE', '1001', 'must be an integer from 1 to 1000 (it is "1001")'],
    ['MQTT_PORT', '65536', 'must be an integer from 0 to 65535 (it is "65536")'],
    ['MQTT_PORT', '-1', 'must be an integer from 0 to 65535 (it is "-1")'],
    ['HTTP_PORT', '80a', 'must be an integer from 0 to 65535 (it is "80a")'],
    ['HTTP_PORT', '1e3', 'must be an integer from 0 to 65535 (it is "1e3")'],
    ['MAX_REQUEST_BYTES', '1023', 'must be an integer from 1024 to 67108864 (it is "1023")'],
    ['MAX_IN_FLIGHT', '1.5', 'must be an integer from 1 to 1000000 (it is "1.5")'],
    ['REQUEST_DEADLINE_MS', '99', 'must be an integer from 100 to 600000 (it is "99")'],
    ['REQUEST_REPLAY_WINDOW', 'off', 'must be an integer from 0 to 86400 (it is "off")'],
    ['COMMAND_RETENTION_DAYS', '0', 'must be an integer from 1 to 36500 (it is "0")'],
    ['COMMAND_RETENTION_DAYS', '1.5', 'must be an integer from 1 to 36500 (it is "1.5")'],
    ['DATA_DIR', ' ', 'must not be empty (it is " ")'],
    ['CLIENT_ID_SOURCE', 'property:', 'must be topic or property:<name> (it is "property:")'],
    ['ORDINARY_TOPICS', 'all', 'must be one of anyone, authenticated, nobody (it is "all")'],
    ['SEED_SAMPLE_DATA', 'yes', 'must be true or false (it is "yes")'],
    ['SEED_SAMPLE_DATA', 'constructor', 'must be true or false (it is "constructor")'],
    [
      'COMMAND_UPDATE_FIELDS',
      'status,id',
      'must be a list of command, timestamp, parameters, lifetime, status, result (it is "status,id")',
    ],
    [
      'LOG_LEVEL',
      'verbose',
      'must be one of fatal, error, warn, info, debug, trace, silent (it is "verbose")',
    ],
  ])('stops at %s=%s and says what is right', (name, value, problem) => {
    expect(() => readEnvironment({ [name]: value })).toThrow(new Error(`${name} ${problem}`));
  });

  it.each([
    ['DATABASE_URL', ['postgres://me:hidden@db/dh'], 'must be text'],
    ['DATABASE_POOL_SIZE', ['8'], 'must be text (it is ["8"])'],
    ['MQTT_HOST', ['127.0.0.1'], 'must be text (it is ["127.0.0.1"])'],
    ['MQTT_PORT', 1883, 'must be text (it is 1883)'],
    ['MQTT_CLIENT_ID', ['devicehive'], 'must be text (it is ["devicehive"])'],
    ['JWT_ALLOW_WEAK_SECRET', ['true'], 'must be text'],
    ['JWT_SECRET', ['hidden'], 'must be text'],
    ['ORDINARY_TOPICS', null, 'must be text (it is null)'],
    ['COMMAND_UPDATE_FIELDS', ['status'], 'must be text (it is ["status"])'],
  ])('stops at %s=%j, which an application may pass', (name, value, problem) => {
    expect(() => readEnvironment({ [name]: value as never })).toThrow(new Error(`${name} ${problem}`));
  });

  it.each([
    ['DATABASE_URL', 'mysql://me:hidden@db', 'must be a URL that starts with postgres:// or postgresql://'],
    ['DATABASE_URL', 'hidden', 'must be a URL that starts with postgres:// or postgresql://'],
    ['MQTT_URL', 'http://me:hidden@broker', 'must be a URL that starts with mqtt:// or mqtts://'],
    ['JWT_JWKS_URL', 'file:///hidden', 'must be a URL that starts with https:// or http://'],
    ['ADMIN_PASSWORD', 'hid', 'must have at least 6 characters'],
    ['JWT_SECRET', ' ', 'must not be empty'],
    ['MQTT_PASSWORD', ' ', 'must not be empty'],
    // The wrong half of the pair is a secret.
    ['JWT_PUBLIC_KEY', '-----BEGIN PRIVATE KEY-----\nhidden', 'must be a public key in PEM (SPKI)'],
  ])('stops at a wrong %s without showing it', (name, value, problem) => {
    expect(() => readEnvironment({ [name]: value })).toThrow(new Error(`${name} ${problem}`));
  });
});
