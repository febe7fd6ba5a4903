import { Module } from '@nestjs/common';
import { ConfigModule, ConfigService } from '@nestjs/config';
import { DeviceHiveModule } from 'nest-devicehive';
import { RebootController } from './reboot.controller.js';

@Module({
  imports: [
    DeviceHiveModule.forRootAsync({
      imports: [ConfigModule.forRoot()],
      inject: [ConfigService],
      useFactory: (config: ConfigService) => ({
        mqtt: { port: config.get('BROKER_PORT') },
        data: { dir: config.get('BROKER_DATA') },
      }),
    }),
  ],
  controllers: [RebootController],
})
export class ConfiguredModule {}
