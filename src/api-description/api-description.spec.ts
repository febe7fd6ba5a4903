import { ServiceUnavailableException } from '@nestjs/common';
import type { DiscoveryService } from '@nestjs/core';
import { expect, it } from 'vitest';
import type { DeviceHiveServer } from '../transport/devicehive.server.js';
import { ApiDescription } from './api-description.js';

it('is not there before the broker lets clients in, and is afterwards', () => {
  const discovery = { getControllers: () => [] } as unknown as DiscoveryService;
  const server: { brokerUrl?: string } = {};
  const description = new ApiDescription(discovery, server as DeviceHiveServer, {
    isExternal: false,
    clientIdInTopic: false,
    maxRequestBytes: 1_048_576,
  });
  expect(() => description.document).toThrow(ServiceUnavailableException);
  server.brokerUrl = 'mqtt://127.0.0.1:1884';
  expect(JSON.parse(description.document)).toMatchObject({ servers: { broker: { host: '127.0.0.1:1884' } } });
});
