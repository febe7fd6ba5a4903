import { described, objectOf, TEXT, TIMESTAMP } from '../../protocol/json-schema.js';
import type { ActionDescription } from '../api-action.decorator.js';
import { API_VERSION } from './server.service.js';

/** What the description of the API says of `ServerController`. */
export const api = {
  info: {
    summary: 'Version and time',
    reply: {
      info: objectOf({
        apiVersion: described(TEXT, "DeviceHive's release line", API_VERSION),
        serverTimestamp: described(TIMESTAMP, "UTC, the database's clock"),
        restServerUrl: { type: 'null' },
      }),
    },
    errors: [],
  },
  clusterInfo: {
    summary: 'Nothing: neither Kafka nor ZooKeeper is here',
    reply: {
      clusterInfo: objectOf({ 'bootstrap.servers': { type: 'null' }, 'zookeeper.connect': { type: 'null' } }),
    },
    errors: [],
  },
} satisfies Record<string, ActionDescription>;
