import { Module } from '@nestjs/common';
import { NotificationModule } from '../notification.exports.js';
import { DeviceChangeRepository } from './device-change.repository.js';
import { DeviceQueryService } from './device-query.service.js';
import { DeviceController } from './device.controller.js';
import { DeviceRepository } from './device.repository.js';
import { DeviceService } from './device.service.js';

/** `device/save`, `device/get`, `device/list`, `device/count`, `device/delete`. */
@Module({
  imports: [NotificationModule],
  controllers: [DeviceController],
  providers: [DeviceService, DeviceQueryService, DeviceRepository, DeviceChangeRepository],
})
export class DeviceModule {}
