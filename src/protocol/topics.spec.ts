import { describe, expect, it } from 'vitest';
import {
  EVENT_NAME,
  eventTopic,
  hasValidWildcards,
  isActionName,
  isClientId,
  isDeviceHiveTopic,
  isIllFormed,
  isTopicFilter,
  isTopicName,
  levelsOf,
  matchesFilter,
  parseEventTopic,
  responseOwner,
  responseTopic,
} from './topics.js';

describe('isActionName', () => {
  it.each(['authenticate', 'command/update', 'a/b/c/d', '$x_-9', 'a'.repeat(128)])('takes %s', (action) => {
    expect(isActionName(action)).toBe(true);
  });

  it.each(['', '/', 'a/', '/a', 'a//b', 'a/b/c/d/e', 'a@b', 'a#', '+', 'a b', 'a\n', 'ä', 'a'.repeat(129)])(
    'refuses %j',
    (action) => expect(isActionName(action)).toBe(false),
  );
});

describe('responseTopic and responseOwner', () => {
  it('names action and client, and leaves the action out where there is none', () => {
    expect(responseTopic('command/update', 'me')).toBe('dh/response/command/update@me');
    expect(responseTopic(null, 'me')).toBe('dh/response/@me');
  });

  it.each(['b', 'a@b', 'b@a', '@', 'me@example.com'])('gives the reply of %s to it alone', (clientId) => {
    expect(responseOwner(responseTopic('command/update', clientId))).toBe(clientId);
    expect(responseOwner(responseTopic(null, clientId))).toBe(clientId);
  });

  it.each(['dh/response/command/update', 'dh/response/#', 'dh/command/1/1/d/n@me', 'x@me', 'dh/response@me'])(
    'finds no owner in %s',
    (topic) => expect(responseOwner(topic)).toBeUndefined(),
  );
});

describe('isClientId', () => {
  it.each(['a', 'me@example.com', 'Gerät 7', '$x', '😀'.repeat(64), 'a'.repeat(128)])('takes %s', (id) => {
    expect(isClientId(id)).toBe(true);
  });

  it.each(['', 'a/b', 'a+', '#', 'a\0', 'a\nb', 'a\u007f', 'a\u0085', 'a\ufffd', 'a'.repeat(129)])(
    'refuses %j',
    (id) => expect(isClientId(id)).toBe(false),
  );
});

describe('hasValidWildcards', () => {
  it.each(['a', '/', '#', '+', 'a/#', '/#', '+/+/#', 'a/+/b', '+/', 'a b/+'])(
    'takes the filter %s',
    (filter) => expect(hasValidWildcards(filter)).toBe(true),
  );

  it.each(['a#', '#a', '#/a', 'a/#/b', '##', 'a/##', 'a+', '+a', 'a/+b/c', '+#', 'a/+#'])(
    'refuses the filter %s',
    (filter) => expect(hasValidWildcards(filter)).toBe(false),
  );
});

describe('isIllFormed', () => {
  it('finds U+0000, and what ill-formed UTF-8 is decoded to', () => {
    expect(['a\0', Buffer.from([0x61, 0xff]).toString(), 'a\n', 'a/b'].map(isIllFormed)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

describe('isTopicName and isTopicFilter', () => {
  it.each(['a', 'a/b', '/', 'Küche/💡'])('take %s', (topic) => {
    expect([isTopicName(topic), isTopicFilter(topic)]).toEqual([true, true]);
  });

  it.each(['', 'a\0', 'a\n', 'a\u0085', 'a\uffff', 'a\ufdd0', 'a\ufffd'])('refuse %j', (topic) => {
    expect([isTopicName(topic), isTopicFilter(topic)]).toEqual([false, false]);
  });

  it.each(['a/#', '+/b'])('take %s as a filter only', (filter) => {
    expect([isTopicName(filter), isTopicFilter(filter)]).toEqual([false, true]);
  });
});

describe('eventTopic', () => {
  const subject = { networkId: 1, deviceTypeId: 2, deviceId: 'device-7' };

  it.each([
    ['on', 'on'],
    [null, ''],
    ['a/b', 'a/b'],
    ['50%+#@', '50%25%2B%23%40'],
    ['\0\n\u0085', '%00%0A%C2%85'],
    ['größe 😀', 'größe 😀'],
  ])('writes the name %j as %j', (name, level) => {
    expect(eventTopic('command', subject, name)).toBe(`dh/command/1/2/device-7/${level}`);
  });

  it('encodes the device id too', () => {
    const topic = eventTopic('command_update', { ...subject, deviceId: 'a@b+#' }, 'on');
    expect(topic).toBe('dh/command_update/1/2/a%40b%2B%23/on');
  });

  it('is reversed by parseEventTopic', () => {
    const parsed = parseEventTopic(eventTopic('notification', subject, 'a/b'));
    expect(parsed).toEqual({ kind: 'notification', networkId: 1, deviceTypeId: 2 });
  });

  it.each([
    'dh/command/1/2',
    'dh/command/+/2/d/n',
    'dh/other/1/2/d/n',
    'dh/response/a@b',
    'x/dh/command/1/2/d/n',
  ])('takes %s for no event', (topic) => expect(parseEventTopic(topic)).toBeUndefined());
});

describe('EVENT_NAME', () => {
  it.each([
    ['', true],
    ['a'.repeat(128), true],
    [Array(64).fill('a').join('/'), true],
    [Array(65).fill('a').join('/'), false],
    ['/'.repeat(63), true],
    ['/'.repeat(64), false],
  ])('has 64 levels at most: %s', (name, fits) => expect(EVENT_NAME.pattern.test(name)).toBe(fits));
});

it.each([
  ['dh', true],
  ['dh/', true],
  ['dh/request', true],
  ['dhx', false],
  ['DH/request', false],
  ['#', false],
  ['+/request', false],
])('isDeviceHiveTopic(%s) is %s', (topic, is) => expect(isDeviceHiveTopic(topic)).toBe(is));

describe('matchesFilter', () => {
  const matches = (filter: string, topic: string) => matchesFilter(levelsOf(filter), levelsOf(topic));

  it.each([
    ['a/b', 'a/b'],
    ['a/+', 'a/b'],
    ['a/+', 'a/'],
    ['+/b', 'a/b'],
    ['#', 'a/b/c'],
    ['a/#', 'a/b/c'],
    ['a/#', 'a'],
    ['+/+/#', 'a/b'],
  ])('%s matches %s', (filter, topic) => expect(matches(filter, topic)).toBe(true));

  it.each([
    ['a/b', 'a/b/c'],
    ['a/b/c', 'a/b'],
    ['a/+', 'a'],
    ['a/+', 'a/b/c'],
    ['+', '/a'],
    ['a/#', 'ab'],
    ['a', 'A'],
  ])('%s does not match %s', (filter, topic) => expect(matches(filter, topic)).toBe(false));
});
