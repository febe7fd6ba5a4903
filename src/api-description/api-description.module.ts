import { Module } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { ApiDescriptionController } from './api-description.controller.js';
import { ApiDescription } from './api-description.js';

/** `GET /asyncapi.json` and `GET /docs`. */
@Module({
  imports: [DiscoveryModule],
  controllers: [ApiDescriptionController],
  providers: [ApiDescription],
})
export class ApiDescriptionModule {}
