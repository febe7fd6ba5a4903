import { responseTopic } from '../protocol/topics.js';
import { requestAddress } from './channels.js';
import type { Installation } from './api.options.js';

const CLIENT_ID = 'me';

/** What the commands below expect to be set, each to a text of one's own. */
export const SHELL_VARIABLES = "export LOGIN='...' PASSWORD='...'";

/** For a shell: one request and its reply, over one connection. */
export function requestCommand(action: string, payload: unknown, options: Installation): string {
  const reply = responseTopic(action, CLIENT_ID);
  return [
    `mosquitto_rr ${connect(options)} -i ${CLIENT_ID}`,
    `-t ${quoted(requestAddress(options, CLIENT_ID))} -e ${quoted(reply)}`,
    `-m ${quoted(JSON.stringify(payload))}`,
  ].join(' \\\n  ');
}

/** For a shell: events as they come. */
export function watchCommand(filter: string, options: Installation): string {
  return `mosquitto_sub ${connect(options)} -q 1 -v \\\n  -t ${quoted(filter)}`;
}

function connect({ brokerUrl, isExternal }: Installation): string {
  const { protocol, hostname, port } = new URL(brokerUrl);
  const host = ['0.0.0.0', '[::]'].includes(hostname) ? 'localhost' : hostname.replace(/^\[|\]$/g, '');
  const version = isExternal ? '' : '-V mqttv311 ';
  const tls = protocol === 'mqtts:' ? ' --tls-use-os-certs' : '';
  return `${version}-h ${host} -p ${port}${tls} -u "$LOGIN" -P "$PASSWORD"`;
}

function quoted(text: string): string {
  return /^[\w./@:-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
