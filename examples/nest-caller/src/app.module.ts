import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { type ClientProxy, ClientsModule } from '@nestjs/microservices';
import { DeviceHiveClient } from 'nest-devicehive';
import { firstValueFrom } from 'rxjs';
import { DeviceHiveErrorsFilter } from './devicehive-errors.filter.js';
import { LampsController } from './lamps.controller.js';

const { DEVICEHIVE_URL: url, DEVICEHIVE_LOGIN: login, DEVICEHIVE_PASSWORD: password } = process.env;

/** Called for the first request, and again before the token ends. */
async function logIn(client: ClientProxy): Promise<string> {
  const tokens = client.send<{ accessToken: string }>('token', { login, password });
  return (await firstValueFrom(tokens)).accessToken;
}

@Module({
  imports: [
    ClientsModule.register([
      { name: 'DEVICEHIVE', customClass: DeviceHiveClient, options: { url, token: logIn } },
    ]),
  ],
  controllers: [LampsController],
  providers: [{ provide: APP_FILTER, useClass: DeviceHiveErrorsFilter }],
})
export class AppModule {}
