import type { LedgerClientOptions } from './client.js';
import { ADMIN } from '../../support/service.js';
import { signToken } from '../../support/token.js';
import type { Mosquitto } from '../../support/mosquitto.js';

/** Where a run's clients meet the service. */
export interface Site {
  url: string;
  /** Of a client by this name, a watcher too. */
  options(name: string): LedgerClientOptions;
  /** of clients by turns; 5 is MQTT 5, 4 is 3.1.1 */
  protocolVersions: readonly (4 | 5)[];
  /** whether a PUBACK says that a request is committed */
  acknowledgesCommits: boolean;
}

/** An external broker, which knows clients by their user names, and the service by the tokens in requests. */
export function onMosquitto(broker: Mosquitto): Site {
  return {
    url: broker.url,
    protocolVersions: [5, 4],
    acknowledgesCommits: false,
    options: (name) => ({
      ...broker.login(name),
      requestTopic: `dh/request/${name}`,
      body: { token: signToken() },
    }),
  };
}

/** The service itself is the broker: who connects has logged in. */
export function onBuiltIn(port: number): Site {
  return {
    url: `mqtt://127.0.0.1:${port}`,
    protocolVersions: [4],
    acknowledgesCommits: true,
    // What is not for a client does not reach it, whatever its filters are.
    options: () => ({ ...ADMIN, replyFilters: ['dh/response/#'] }),
  };
}
