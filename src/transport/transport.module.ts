import { Global, Module } from '@nestjs/common';
import { ActionExceptionFilter } from './action-exception.filter.js';
import { ActionValidationPipe } from './action-validation.pipe.js';
import { DeviceHiveServer } from './devicehive.server.js';
import { EventPublisher } from './event-publisher.js';
import { StartCheck } from './start-check.js';

const shared = [DeviceHiveServer, EventPublisher, ActionValidationPipe, ActionExceptionFilter];

/** Global, because every action module publishes events and shares one pipe and one filter. */
@Global()
@Module({ providers: [...shared, StartCheck], exports: shared })
export class TransportModule {}
