import 'reflect-metadata';
import { ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type MicroserviceOptions, Transport } from '@nestjs/microservices';
import { AppModule } from './app.module.js';

/**
 * `command/update` as Nest's documentation teaches it: stock MQTT transport, guard, validated DTO, and a repository of
 * TypeORM with `findOne` and `save`. What is not the default: the subscription's QoS of 1, which the others have too.
 */
const app = await NestFactory.createMicroservice<MicroserviceOptions>(AppModule, {
  transport: Transport.MQTT,
  options: { url: process.env.MQTT_URL, subscribeOptions: { qos: 1 } },
  logger: ['error', 'warn'],
});
app.useGlobalPipes(new ValidationPipe());
await app.listen();
process.stdout.write('ready\n');
