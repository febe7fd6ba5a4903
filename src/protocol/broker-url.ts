/**
 * A broker's address, fit to be shown: protocol, host and port of its URL.
 * @throws {TypeError} for anything but a URL of a broker. It does not show that either: it may have a password in it.
 */
export function brokerAddress(url: unknown): string {
  const isLike = typeof url === 'string' && /^(mqtts?|wss?):\/\//i.test(url) && URL.canParse(url);
  const { protocol, hostname, host, port, pathname, search, hash } = new URL(isLike ? url : 'none:');
  // What is missing MQTT.js replaces: by localhost, or by 1883.
  const isComplete = hostname !== '' && port !== '0';
  const hasRestOfPassword = `${pathname}${search}${hash}`.includes('@');
  if (isComplete && !hasRestOfPassword) return `${protocol}//${host}`;
  throw new TypeError(
    'url: like mqtt://host:1883, with mqtt, mqtts, ws or wss; / ? and # in a password are percent-encoded',
  );
}
