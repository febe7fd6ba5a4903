import { JsonText } from '../../../protocol/json-text.js';
import {
  BooleanField,
  IntegerField,
  JsonObjectField,
  NestedField,
  TextField,
} from '../../../transport/dto/dto-fields.js';
import type { DeviceFields } from '../device.js';
import { DEVICE_ID_CHARACTERS } from '../device.errors.js';
import { DEVICE_ID, OBJECT_IS_NULL } from '../../shared/request-errors.js';

const NAME_LENGTH = 'Device name must have 1 to 128 characters';

/** The member `device` of `device/save`. */
export class DeviceFieldsDto implements DeviceFields {
  @TextField({
    minLength: 1,
    maxLength: 128,
    unfit: NAME_LENGTH,
    description: 'the device id unless told',
    example: 'Lamp',
  })
  name?: string | null;

  @JsonObjectField()
  data?: JsonText | null;

  @IntegerField()
  networkId?: number | null;

  @IntegerField()
  deviceTypeId?: number | null;

  @BooleanField()
  isBlocked?: boolean | null;
}

export class SaveDeviceDto {
  @TextField({
    ...DEVICE_ID,
    pattern: /^[a-zA-Z0-9-]{1,48}$/,
    unfit: DEVICE_ID_CHARACTERS,
  })
  deviceId!: string;

  @NestedField(() => DeviceFieldsDto, { required: OBJECT_IS_NULL })
  device!: DeviceFieldsDto;
}
