import { TextField } from '../../../transport/dto/dto-fields.js';
import { DEVICE_ID } from '../../shared/request-errors.js';

/** `device/get` and `device/delete`. */
export class DeviceIdDto {
  @TextField(DEVICE_ID)
  deviceId!: string;
}
