import type { Provider } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { BuiltInBroker } from './broker/built-in-broker.js';
import { Reading } from './broker/reading.js';
import { ServiceTraffic } from './broker/service-traffic.js';
import { BuiltInLink } from './built-in-link.js';
import { Config } from './config.js';
import { DATA_SOURCE } from './database/data-source.name.js';
import { LeaderLock } from './database/leader-lock.js';
import { Leadership, SoleProcess } from './database/leadership.js';
import { ExternalLink } from './external-broker/external-link.js';
import { BrokerLink } from './transport/link/broker-link.js';

/** Only on a broker and a database that are others' too there can be another process. */
export const leadership: Provider = {
  provide: Leadership,
  inject: [Config, getDataSourceToken(DATA_SOURCE)],
  useFactory: ({ external, database: { url } }: Config, pool: DataSource) =>
    external && url ? new LeaderLock(url, `${external.url} ${external.clientId}`, pool) : new SoleProcess(),
};

/** Which broker the service is a client of. The built-in one takes no connections unless it is this. */
export const link: Provider = {
  provide: BrokerLink,
  inject: [Config, Leadership, BuiltInBroker, ServiceTraffic, Reading],
  useFactory: (
    config: Config,
    leadership: Leadership,
    broker: BuiltInBroker,
    traffic: ServiceTraffic,
    reading: Reading,
  ) =>
    config.external
      ? new ExternalLink(config.external, leadership)
      : new BuiltInLink(broker, traffic, reading, config.broker.serviceClientId),
};
