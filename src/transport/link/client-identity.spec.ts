import type { IPublishPacket } from 'mqtt';
import { describe, expect, it } from 'vitest';
import { PropertyIdentity, TopicIdentity } from './client-identity.js';

type Properties = NonNullable<IPublishPacket['properties']>;

const packet = (topic: string, properties: object = {}): IPublishPacket => ({
  cmd: 'publish',
  topic,
  payload: Buffer.alloc(0),
  qos: 1,
  dup: false,
  retain: false,
  properties: properties as Properties,
});
const topic = new TopicIdentity();
const property = new PropertyIdentity('client');

describe('the topic', () => {
  it.each([
    ['dh/request/me', 'me'],
    ['dh/request/me@example.com', 'me@example.com'],
    ['dh/request/a b', 'a b'],
  ])('%s names its sender', (name, clientId) => {
    expect(topic.identify(packet(name))?.clientId).toBe(clientId);
  });

  it.each([
    'dh/request',
    'dh/request/',
    'dh/request/a/b',
    'dh/request/\u0007',
    `dh/request/${'x'.repeat(129)}`,
  ])('%j names nobody', (name) => {
    expect(topic.identify(packet(name))).toBeUndefined();
  });

  it('is subscribed to with what is below it, so that requests of nobody are seen and counted', () => {
    expect(topic.filter).toBe('dh/request/#');
  });
});

describe('the user property', () => {
  it.each([
    [{ client: 'me' }, 'me'],
    [{ client: ['forged', 'me'] }, 'me'],
    [{ client: ['forged', 'me', 'me@example.com'], other: 'x' }, 'me@example.com'],
  ])('%j names its sender, the last value counts', (userProperties, clientId) => {
    expect(property.identify(packet('dh/request/somebody', { userProperties }))?.clientId).toBe(clientId);
  });

  it.each([[{}], [{ Client: 'me' }], [{ client: '' }], [{ client: 'a/b' }], [{ client: ['me', '#'] }]])(
    '%j names nobody',
    (userProperties) => {
      expect(property.identify(packet('dh/request', { userProperties }))).toBeUndefined();
    },
  );

  it('names nobody where there are no properties, as in MQTT 3.1.1', () => {
    expect(property.identify({ ...packet('dh/request/me'), properties: undefined })).toBeUndefined();
  });

  it('is probed with a false value', () => {
    expect(property.probe()).toEqual({ topic: 'dh/request', userProperties: { client: 'nobody' } });
  });
});

describe('a Response Topic', () => {
  const originWith = (responseTopic: unknown, clientId = 'me') =>
    topic.identify(packet(`dh/request/${clientId}`, { responseTopic }))!;

  it.each(['dh/response/@me', 'dh/response/my/own@me', 'dh/response/command/update@me'])(
    '%s is used',
    (name) => {
      expect(originWith(name).asksForForeignTopic).toBe(false);
      expect(originWith(name).replyTopic('command/update')).toBe(name);
    },
  );

  it.each([
    'dh/response/command/update@you',
    'dh/response/x@you@me',
    'dh/response/me',
    'dh/response/#@me',
    'dh/response/+/x@me',
    'dh/response/\u0000@me',
    'dh/request',
    'dh/request/you',
    'dh/command/1/1/d/x@me',
    'somewhere@me',
    '#',
    '',
    `dh/response/${'x'.repeat(2_000)}@me`,
    `dh/response${'/'.repeat(64)}x@me`,
    'dh/response/\uffff@me',
    ['dh/response/@me', 'dh/response/@me'],
    5,
  ])('%j is not, and the reply goes where it always goes', (name) => {
    expect(originWith(name).asksForForeignTopic).toBe(true);
    expect(originWith(name).replyTopic('command/update')).toBe('dh/response/command/update@me');
  });

  it('of a client id with an @ is used', () => {
    expect(originWith('dh/response/x@a@b', 'a@b').asksForForeignTopic).toBe(false);
  });

  it('may be absent', () => {
    expect(originWith(undefined).asksForForeignTopic).toBe(false);
  });
});

describe('other properties', () => {
  const originWith = (properties: object) => topic.identify(packet('dh/request/me', properties))!;

  it('give Correlation Data back as it came, 64 kB too', () => {
    const correlationData = Buffer.alloc(65_535, 7);
    expect(originWith({ correlationData }).correlationData).toBe(correlationData);
  });

  it('that came twice where they must not are ignored', () => {
    expect(
      originWith({ correlationData: [Buffer.from('a'), Buffer.from('b')] }).correlationData,
    ).toBeUndefined();
  });

  it.each([
    ['Bearer abc.def.ghi', 'abc.def.ghi'],
    ['bearer  abc', 'abc'],
    [['Bearer first', 'Bearer second'], 'second'],
    ['abc', undefined],
    ['Basic abc', undefined],
    [undefined, undefined],
  ])('carry the token: authorization %j', (authorization, token) => {
    expect(originWith({ userProperties: { authorization } }).bearerToken).toBe(token);
  });
});
