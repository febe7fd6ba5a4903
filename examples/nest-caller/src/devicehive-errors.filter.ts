import { Catch, HttpException } from '@nestjs/common';
import type { ArgumentsHost } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { RpcException } from '@nestjs/microservices';
import type { DeviceHiveFailure } from 'nest-devicehive';

/** What this application's own callers learn of it: that there is no such device, or that it is not their fault. */
@Catch(RpcException)
export class DeviceHiveErrorsFilter extends BaseExceptionFilter {
  override catch(error: RpcException, host: ArgumentsHost) {
    const { code, message } = error.getError() as DeviceHiveFailure;
    super.catch(new HttpException(message, code === 404 ? 404 : 502), host);
  }
}
