import { Module } from '@nestjs/common';
import { ClientsModule, type MqttRecord, Transport } from '@nestjs/microservices';
import { TypeOrmModule } from '@nestjs/typeorm';
import { BROKER, CommandController } from './command.controller.js';
import { CommandService } from './command.service.js';
import { Device, DeviceCommand } from './entities.js';

/** DeviceHive's payload instead of Nest's envelope of `pattern` and `data`. */
const serializer = { serialize: (packet: { data: MqttRecord<object> }) => JSON.stringify(packet.data.data) };

@Module({
  imports: [
    TypeOrmModule.forRoot({
      type: 'postgres',
      url: process.env.DATABASE_URL,
      entities: [Device, DeviceCommand],
    }),
    TypeOrmModule.forFeature([Device, DeviceCommand]),
    ClientsModule.register([
      { name: BROKER, transport: Transport.MQTT, options: { url: process.env.MQTT_URL, serializer } },
    ]),
  ],
  controllers: [CommandController],
  providers: [CommandService],
})
export class AppModule {}
