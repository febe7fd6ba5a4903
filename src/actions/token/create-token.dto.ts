import type { PermissionId } from '../../protocol/permissions.js';
import { IntegerField, NestedField, TextField, TimestampField } from '../../transport/dto/dto-fields.js';
import { IdsField, PermissionsField, type Wanted } from './wanted.js';

/** DeviceHive's text; it answers 500 for a missing payload (`docs/compatibility.md`). */
const INVALID_PAYLOAD = 'Missing or invalid payload in request';
const invalid = { required: INVALID_PAYLOAD, wrong: INVALID_PAYLOAD };

/** The member `payload` of `token/create`. What is absent, is absent in the original's token too. */
export class TokenRequestDto {
  @IntegerField(invalid)
  userId!: number;

  /** absent: none */
  @PermissionsField()
  actions?: Wanted<PermissionId> | null;

  /** absent: none */
  @IdsField()
  networkIds?: Wanted | null;

  /** absent: all */
  @IdsField()
  deviceTypeIds?: Wanted | null;

  @TimestampField()
  expiration?: Date | null;

  @TimestampField()
  refreshExpiration?: Date | null;
}

export class CreateTokenDto {
  @NestedField(() => TokenRequestDto, invalid)
  payload!: TokenRequestDto;
}

export class RefreshTokenDto {
  @TextField({ ...invalid, accepts: (token) => token !== '' })
  refreshToken!: string;
}
