import { Controller, Get, Inject, Param, ParseIntPipe, Post, Sse } from '@nestjs/common';
import { type DeviceCommand, DeviceHiveClient } from 'nest-devicehive';
import { map } from 'rxjs';

@Controller('lamps/:id')
export class LampsController {
  constructor(@Inject('DEVICEHIVE') private readonly devicehive: DeviceHiveClient) {}

  @Post('on')
  lightUp(@Param('id') deviceId: string) {
    const data = { deviceId, command: { command: 'led/on' } };
    return this.devicehive
      .send<{ command: DeviceCommand }>('command/insert', data)
      .pipe(map(({ command }) => ({ id: command.id })));
  }

  @Get('commands/:commandId')
  command(@Param('id') deviceId: string, @Param('commandId', ParseIntPipe) commandId: number) {
    return this.devicehive.send('command/get', { deviceId, commandId });
  }

  /** What the lamp reports, as server-sent events. */
  @Sse('results')
  results(@Param('id') deviceId: string) {
    const reported = this.devicehive.events('command/update', { deviceId, names: ['led/on'] });
    return reported.pipe(map((command) => ({ data: command })));
  }
}
