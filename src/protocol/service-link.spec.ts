import { describe, expect, it } from 'vitest';
import {
  LINKED_REQUEST_FILTER,
  linkedEventTopic,
  linkedReplyTopic,
  linkedRequestTopic,
  parseLinkedEvent,
  parseLinkedReply,
  parseLinkedRequest,
} from './service-link.js';
import { levelsOf, matchesFilter, responseTopic } from './topics.js';

const request = { connectionId: 'c-1', clientId: 'me@example.com', number: 7, qos: 1, retained: false };

describe('linkedRequestTopic', () => {
  it.each([
    [request, 'dh/request/c-1/me@example.com/7-1'],
    [{ ...request, qos: 0, retained: true }, 'dh/request/c-1/me@example.com/7-0-retained'],
  ])('is read back by parseLinkedRequest', (linked, topic) => {
    expect(linkedRequestTopic(linked)).toBe(topic);
    expect(parseLinkedRequest(topic)).toEqual(linked);
    expect(matchesFilter(levelsOf(LINKED_REQUEST_FILTER), levelsOf(topic))).toBe(true);
  });

  it.each([
    'dh/request',
    'dh/request/c/me',
    'dh/request/c/me/7-3',
    'dh/request/c/me/7-1/x',
    'dh/request/c//7-1',
  ])('takes %s for no request', (topic) => expect(parseLinkedRequest(topic)).toBeUndefined());
});

describe('linkedReplyTopic', () => {
  // U+2028 and U+2029 end a line for a regular expression, but are no control characters: such ids are accepted.
  it.each(['me', 'a@b', 'a b', 'a\u2028b', 'a\u2029'])('is read back for the client id %j', (clientId) => {
    const reply = responseTopic('command/update', clientId);
    const parsed = parseLinkedReply(linkedReplyTopic({ ...request, clientId }, reply));
    expect(parsed).toEqual({ connectionId: 'c-1', number: 7, responseTopic: reply });
  });

  it.each(['dh/response/a@me', 'dh/reply/c-1/7/dh/command/1/1/d/n', 'dh/reply/c-1/x/dh/response/a@me'])(
    'takes %s for no reply',
    (topic) => expect(parseLinkedReply(topic)).toBeUndefined(),
  );
});

describe('linkedEventTopic', () => {
  it.each([
    undefined,
    0,
    -1,
    -31_535_999_000,
    1_767_225_600_000,
    1_767_225_600_000.5,
    8.64e15 + (2 ** 31 - 1) * 1_000,
    1e21,
    -1e-7,
  ])('is read back with the end %s', (expiresAt) => {
    const topic = 'dh/command/1/1/lamp/a//\u2028b';
    expect(parseLinkedEvent(linkedEventTopic(topic, expiresAt))).toEqual({ topic, expiresAt });
  });

  it.each([Number.NaN, Infinity])('is read back without an end for %s', (expiresAt) => {
    expect(parseLinkedEvent(linkedEventTopic('x', expiresAt))).toEqual({ topic: 'x', expiresAt: undefined });
  });

  it.each(['dh/command/1/1/d/n', 'dh/event', 'dh/event/1'])('takes %s for no event', (topic) =>
    expect(parseLinkedEvent(topic)).toBeUndefined(),
  );
});
