import { NestFactory } from '@nestjs/core';
import { DeviceHiveServer } from 'nest-devicehive';
import { AppModule } from './app.module.js';

const app = await NestFactory.create(AppModule);
app.enableShutdownHooks();
const devicehive = app.get(DeviceHiveServer);
app.connectMicroservice({ strategy: devicehive });
await app.startAllMicroservices();
await app.listen(process.env.PORT ?? 3000, '127.0.0.1');
console.log(`HTTP on ${await app.getUrl()}, DeviceHive on ${devicehive.brokerUrl}`);
