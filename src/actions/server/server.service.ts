import { Injectable } from '@nestjs/common';
import { formatTimestamp } from '../../protocol/timestamps.js';
import { DatabaseClock } from './database-clock.js';

/** DeviceHive's release line with device types and all six fields in `command/update`; 3.5 changes two. */
export const API_VERSION = '3.4.0';

/** What `server/info` and `cluster/info` tell anybody: nothing about the installation. */
@Injectable()
export class ServerService {
  constructor(private readonly clock: DatabaseClock) {}

  /** @throws {ActionError} 503 while the database is away */
  async info(): Promise<{ apiVersion: string; serverTimestamp: string; restServerUrl: null }> {
    const serverTimestamp = formatTimestamp(await this.clock.now());
    return { apiVersion: API_VERSION, serverTimestamp, restServerUrl: null };
  }

  /** The original names its Kafka and ZooKeeper; there is neither here. */
  clusterInfo(): Record<'bootstrap.servers' | 'zookeeper.connect', null> {
    return { 'bootstrap.servers': null, 'zookeeper.connect': null };
  }
}
