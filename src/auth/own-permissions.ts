import { Injectable } from '@nestjs/common';
import { isPermissionName, PERMISSION_IDS } from '../protocol/permissions.js';

/** What two spellings of one name have in common. */
const plain = (name: string) => name.toLowerCase().replace(/[^a-z\d]/g, '');

/** The permissions that handlers require, DeviceHive's and those beside them. */
@Injectable()
export class OwnPermissions {
  private readonly spellings = new Map(Object.keys(PERMISSION_IDS).map((name) => [plain(name), name]));

  /**
   * @param handler that requires it, e.g. `RebootController.schedule`
   * @throws where the name is another spelling of one that there is, or would not be accepted in a token
   */
  declare(permission: string, handler: string): void {
    const spelling = this.spellings.get(plain(permission)) ?? permission;
    if (spelling !== permission)
      throw new Error(`${handler} requires ${permission}: did you mean ${spelling}?`);
    if (!isPermissionName(permission)) {
      throw new Error(
        `${handler} requires "${permission}": a permission is a letter and up to 63 letters, digits, _ . : or -`,
      );
    }
    this.spellings.set(plain(permission), permission);
  }

  /** Whether some handler requires it. */
  has(permission: string): boolean {
    return this.spellings.get(plain(permission)) === permission;
  }

  /** Those that are not DeviceHive's. */
  get names(): string[] {
    return [...this.spellings.values()].filter((name) => !Object.hasOwn(PERMISSION_IDS, name));
  }
}
