import { Module } from '@nestjs/common';
import { Deletion } from './deletion.js';
import { GoneDevices } from './gone-devices.js';
import { Retention } from './retention.js';

/** Deletes what is too old, if a limit is set, and what is left of deleted devices. */
@Module({ providers: [Deletion, Retention, GoneDevices] })
export class RetentionModule {}
