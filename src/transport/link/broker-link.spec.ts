import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BrokerLink } from './broker-link.js';

const NOW = Date.UTC(2026, 0, 1);

describe('BrokerLink.event', () => {
  beforeEach(() => void vi.useFakeTimers({ now: NOW }));
  afterEach(() => void vi.useRealTimers());

  const event = (expiresAt?: number) => BrokerLink.prototype.event('topic', expiresAt);

  it.each([
    [1, 1],
    [1_001, 2],
    [1.5, 1],
    [0, 1],
    [-1, 1],
    [-NOW, 1],
    [-Infinity, 1],
    [(2 ** 32 - 1) * 1_000, 2 ** 32 - 1],
    [(2 ** 32 - 1) * 1_000 + 1, 2 ** 32 - 1],
    [1e300, 2 ** 32 - 1],
    [Infinity, 2 ** 32 - 1],
  ])('%d ms from now has an expiry of %d s, which MQTT can carry', (ahead, seconds) => {
    expect(event(NOW + ahead)).toEqual({ topic: 'topic', properties: { messageExpiryInterval: seconds } });
  });

  it.each([undefined, Number.NaN])('without a time (%s) has no expiry', (expiresAt) => {
    expect(event(expiresAt)).toEqual({ topic: 'topic' });
  });
});
