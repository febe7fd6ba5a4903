import type { PermissionId } from '../../protocol/permissions.js';
import { IntegerField, NestedField, TextField, TimestampField } from '../../transport/dto/dto-fields.js';
import { IdsField, PermissionsField, type Wanted } from './wanted.js';

/** DeviceHive's text; it answers 500 for a missing payload (`docs/compatibility.md`). */
const INVALID_PAYLOAD = 'Missing or invalid payload in request';
const invalid = { required: INVALID_PAYLOAD, wrong: INVALID_PAYLOAD };

/** The member `payload` of `token/create`. What is absent, is absent in the original's token too. */
export class TokenRequestDto {
  @IntegerField({ ...invalid, example: 1 })
  userId!: number;

  @PermissionsField()
  actions?: Wanted<PermissionId> | null;

  @IdsField('networks; none unless told, `*` for all there are to give')
  networkIds?: Wanted | null;

  @IdsField('device types; all unless told')
  deviceTypeIds?: Wanted | null;

  @TimestampField({ description: 'of the access token; in 30 minutes unless told' })
  expiration?: Date | null;

  @TimestampField({ description: 'of the refresh token; in 182 days unless told, which is the most' })
  refreshExpiration?: Date | null;
}

export class CreateTokenDto {
  @NestedField(() => TokenRequestDto, invalid)
  payload!: TokenRequestDto;
}

export class RefreshTokenDto {
  @TextField({ ...invalid, minLength: 1, example: 'eyJhbGciOiJIUzI1NiJ9...' })
  refreshToken!: string;
}
