import { Controller, Get, Module } from '@nestjs/common';
import { DeviceHiveModule } from 'nest-devicehive';
import { RebootController } from './reboot.controller.js';

@Controller()
class HelloController {
  @Get('hello')
  hello() {
    return 'Hello from the application';
  }
}

@Module({
  imports: [DeviceHiveModule.forRoot({ environment: process.env })],
  controllers: [HelloController, RebootController],
})
export class AppModule {}
