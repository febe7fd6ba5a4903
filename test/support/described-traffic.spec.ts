import 'reflect-metadata';
import { beforeEach, describe, expect, it } from 'vitest';
import { DescribedTraffic, takeMismatches } from './described-traffic.js';

const TOPIC = 'dh/response/command/insert@me';
const command = {
  id: 1,
  timestamp: '2026-01-31T12:00:00.000',
  lastUpdated: '2026-01-31T12:00:00.000',
  userId: 1,
};
const success = { action: 'command/insert', requestId: 1, status: 'success', command };
const refusal = { action: 'command/insert', requestId: 1, code: 404, status: 'error', error: 'x' };
const request = { action: 'command/insert', requestId: 1, deviceId: 'd', command: { command: 'led/on' } };

let traffic: DescribedTraffic;
const receive = (message: object, topic = TOPIC) => traffic.received(topic, JSON.stringify(message));

beforeEach(() => {
  traffic = new DescribedTraffic();
});

describe('traffic that is as described', () => {
  it('is no mismatch', () => {
    traffic.sent(JSON.stringify(request));
    receive(success);
    receive(refusal);
    receive({ code: 400, status: 'error', error: 'x' }, 'dh/response/@me');
    expect(takeMismatches()).toEqual([]);
  });

  it('may be a request that is wrong and refused', () => {
    traffic.sent(JSON.stringify({ ...request, command: 5 }));
    receive({ ...refusal, code: 400 });
    expect(takeMismatches()).toEqual([]);
  });

  it('may be one of two requests with the same requestId', () => {
    traffic.sent(JSON.stringify({ ...request, command: 5 }));
    traffic.sent(JSON.stringify(request));
    receive(success);
    expect(takeMismatches()).toEqual([]);
  });
});

describe('a mismatch', () => {
  it.each<[string, object]>([
    ['a success that lacks a member', { ...success, command: { ...command, id: undefined } }],
    ['a success with a member that is not named', { ...success, extra: 1 }],
    ['a success with one in an object', { ...success, command: { ...command, extra: 1 } }],
    ['a success with a member of another type', { ...success, command: { ...command, id: '1' } }],
    [
      'a timestamp of another form',
      { ...success, command: { ...command, timestamp: '2026-01-31T12:00:00Z' } },
    ],
    ['a refusal with a code that is not named', { ...refusal, code: 409 }],
    ['a refusal with a member that is not named', { ...refusal, command: {} }],
    ['an action that is not named', { ...success, action: 'no/such' }],
  ])('is %s', (_, message) => {
    receive(message);
    expect(takeMismatches()).toHaveLength(1);
  });

  it('is a request that succeeded, but is not as described', () => {
    traffic.sent(JSON.stringify({ ...request, command: 5 }));
    receive(success);
    expect(takeMismatches().join()).toContain('a request that succeeded: data/command must be object');
  });

  it('is an event without one of its members', () => {
    receive({ action: 'command/insert', subscriptionId: 0 }, 'dh/command/1/1/d/led/on');
    expect(takeMismatches().join()).toContain("must have required property 'command'");
  });
});
