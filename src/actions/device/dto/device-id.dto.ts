import { TextField } from '../../../transport/dto/dto-fields.js';
import { DEVICE_ID_EMPTY } from '../../shared/request-errors.js';

/** `device/get` and `device/delete`. */
export class DeviceIdDto {
  @TextField({ required: DEVICE_ID_EMPTY })
  deviceId!: string;
}
