import { isIPv6 } from 'node:net';

/**
 * @returns what failed logins of a peer are counted by: the address of IPv4, and the /64 of IPv6, since whoever has one
 *   address there has them all (RFC 4291 section 2.5.1). Anything else, like a client id, is returned as it is.
 */
export function networkOf(address: string): string {
  const [ip = ''] = address.split('%');
  if (!isIPv6(ip)) return address;
  const mapped = /^::ffff:(\d+(?:\.\d+){3})$/i.exec(ip);
  if (mapped) return mapped[1]!;
  const [head = '', tail] = ip.split('::');
  const groups = head === '' ? [] : head.split(':');
  // An elided run of zeros reaches into the first four groups if fewer than four follow it.
  const following = tail ? tail.split(':').length + (tail.includes('.') ? 1 : 0) : 0;
  const zeros = tail === undefined ? 0 : 8 - groups.length - following;
  const all = [...groups, ...Array<string>(zeros).fill('0'), ...(tail ? tail.split(':') : [])];
  return `${all
    .slice(0, 4)
    .map((group) => parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
