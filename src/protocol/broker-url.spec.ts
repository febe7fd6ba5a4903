import { describe, expect, it } from 'vitest';
import { brokerAddress } from './broker-url.js';

describe('brokerAddress', () => {
  it.each([
    ['mqtt://broker', 'mqtt://broker'],
    ['mqtts://broker:8883/', 'mqtts://broker:8883'],
    ['MQTT://Broker:1883', 'mqtt://Broker:1883'],
    ['mqtt://[::1]:1883', 'mqtt://[::1]:1883'],
    ['ws://broker:9001/mqtt?a=1', 'ws://broker:9001'],
    ['wss://user:secret@broker/mqtt', 'wss://broker'],
    ['mqtt://user:sec@ret@broker:1883', 'mqtt://broker:1883'],
    ['mqtt://user:sec%2Fret@broker', 'mqtt://broker'],
  ])('%s is shown as %s', (url, address) => expect(brokerAddress(url)).toBe(address));

  it.each([
    [undefined],
    [null],
    [5],
    [''],
    ['mqtt://'],
    ['mqtt:///path'],
    ['mqtt://:1883'],
    ['mqtt://user:secret@'],
    ['mqtt:broker'],
    ['mqtt://broker:0'],
    ['mqtt://broker:secret'],
    ['mqtt://a b'],
    ['foo://x'],
    ['http://broker:1883'],
    ['127.0.0.1:1883'],
    ['localhost:1883'],
    ['mqtt://user:sec/ret@broker'],
    ['mqtt://user:12/34@broker'],
    ['mqtt://user?secret@broker'],
    ['ws://user#secret@broker'],
  ])('refuses %j and says what is right', (url) => {
    expect(() => brokerAddress(url)).toThrow(TypeError);
    expect(() => brokerAddress(url)).toThrow(
      /^url: like mqtt:\/\/host:1883, with mqtt, mqtts, ws or wss; .* percent-encoded$/,
    );
  });
});
