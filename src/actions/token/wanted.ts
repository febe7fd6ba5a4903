import { MALFORMED_JSON } from '../../protocol/action-error.js';
import { type JsonSchema, listOf } from '../../protocol/json-schema.js';
import {
  ANY_PERMISSION_ID,
  isPermissionName,
  NO_PERMISSION_ID,
  PERMISSION_IDS,
  type PermissionId,
} from '../../protocol/permissions.js';
import { Refused } from '../../transport/dto/dto-reader.js';
import { ReadWith } from '../../transport/dto/read-with.js';
import { unknownPermission } from './token.errors.js';

/** What a request asks a token to carry: these ids, and with `all` whatever else there is to give (`*`). */
export interface Wanted<Id = number> {
  all: boolean;
  ids: readonly Id[];
}

/** `["1", 2, "*"]`: ids of networks or device types. */
export const IdsField = (description: string): PropertyDecorator =>
  listField(readId, { ...listOf(ID_OR_TEXT, description), examples: [['*']] });

/**
 * `["GetDevice", 8, "8", "*", "ManageReboot"]`: permissions by name or id; 0 is `*`, and 1 (none) adds nothing. Whether
 * there is one that is not DeviceHive's is for `TokenDelegation` to say.
 */
export const PermissionsField = (): PropertyDecorator => listField(readPermission, PERMISSIONS);

type Reader = (item: unknown) => PermissionId | undefined | Refused;

/** An absent or `null` list stays so. */
function listField(read: Reader, schema: JsonSchema): PropertyDecorator {
  return ReadWith({ read: (value) => readWanted(value, read), schema, refusals: [MALFORMED_JSON] });
}

function readWanted(value: unknown, read: Reader): Wanted<PermissionId> | Refused {
  if (!Array.isArray(value)) return new Refused(MALFORMED_JSON);
  const ids = new Set<PermissionId>();
  let all = false;
  for (const item of value) {
    const id = read(item);
    if (id instanceof Refused) return id;
    if (id === '*') all = true;
    else if (id !== undefined) ids.add(id);
  }
  return { all, ids: [...ids] };
}

/** No longer than what `toPrincipal` accepts in a token. */
const ID = /^\d{1,15}$/;

function readId(item: unknown): number | '*' | Refused {
  if (item === '*') return item;
  return isTextOrNumber(item) && ID.test(String(item)) ? Number(item) : new Refused(MALFORMED_JSON);
}

function readPermission(item: unknown): PermissionId | undefined | Refused {
  if (!isTextOrNumber(item)) return new Refused(MALFORMED_JSON);
  const text = String(item);
  const id = ID.test(text) ? Number(item) : IDS_BY_NAME.get(text.toLowerCase());
  if (id === ANY_PERMISSION_ID) return '*';
  if (id === NO_PERMISSION_ID) return undefined;
  if (id === undefined && isPermissionName(text)) return text;
  return id !== undefined && IDS.has(id) ? id : new Refused(unknownPermission(text).message);
}

/** In any case, as in the original (`HiveAction.fromString` in devicehive-java-server). */
const IDS_BY_NAME = new Map<string, number>([
  ...Object.entries(PERMISSION_IDS).map(([name, id]) => [name.toLowerCase(), id] as const),
  ['*', ANY_PERMISSION_ID],
]);
const IDS = new Set<number>(Object.values(PERMISSION_IDS));

/** Up to 15 digits: as text, and as a number. */
const ID_OR_TEXT: JsonSchema = {
  type: ['integer', 'string'],
  minimum: 0,
  pattern: String.raw`^(\*|\d{1,15})$`,
};
const PERMISSIONS: JsonSchema = {
  ...listOf(
    { type: ['string', 'integer'] },
    "permissions by name, an extension's own among them, or id; none unless told, `*` for all there are to give",
  ),
  examples: [['GetDeviceCommand', 'UpdateDeviceCommand']],
};

/** Not -0, whose text is that of 0, which stands for all permissions. */
const isTextOrNumber = (item: unknown) =>
  typeof item === 'string' || (typeof item === 'number' && !Object.is(item, -0));
