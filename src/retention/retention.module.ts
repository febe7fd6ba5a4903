import { Module } from '@nestjs/common';
import { Retention } from './retention.js';

/** Deletes what is too old, where a limit is set. */
@Module({ providers: [Retention] })
export class RetentionModule {}
