import { Column, Entity, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';

/** Ids are bigint in PostgreSQL and stay below 2^53, which JSON numbers hold exactly. */
const id = { to: (value: number) => value, from: Number };

export enum Role {
  Admin = 0,
  Client = 1,
}

export enum UserStatus {
  Active = 0,
  LockedOut = 1,
  Disabled = 2,
}

@Entity('dh_user')
export class User {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', transformer: id } as object)
  id!: number;

  @Column('varchar')
  login!: string;

  /** see `auth/passwords.ts` */
  @Column('varchar', { name: 'password_hash' })
  passwordHash!: string;

  @Column('int')
  role!: Role;

  @Column('int')
  status!: UserStatus;

  /** rises when what the user has been given is to end; tokens and sessions have the one that they were given at */
  @Column('int')
  generation!: number;

  @Column('timestamptz', { name: 'last_login', nullable: true })
  lastLogin!: Date | null;

  /** whether membership in device types is not needed */
  @Column('boolean', { name: 'all_device_types_available' })
  allDeviceTypesAvailable!: boolean;
}

@Entity('network')
export class Network {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', transformer: id } as object)
  id!: number;

  @Column('varchar')
  name!: string;

  @Column('varchar', { nullable: true })
  description!: string | null;
}

@Entity('device_type')
export class DeviceType {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', transformer: id } as object)
  id!: number;

  @Column('varchar')
  name!: string;

  @Column('varchar', { nullable: true })
  description!: string | null;
}

@Entity('user_network')
export class UserNetwork {
  @PrimaryColumn('bigint', { name: 'user_id', transformer: id })
  userId!: number;

  @PrimaryColumn('bigint', { name: 'network_id', transformer: id })
  networkId!: number;
}

@Entity('user_device_type')
export class UserDeviceType {
  @PrimaryColumn('bigint', { name: 'user_id', transformer: id })
  userId!: number;

  @PrimaryColumn('bigint', { name: 'device_type_id', transformer: id })
  deviceTypeId!: number;
}

@Entity('device')
export class Device {
  /** internal; clients know the device by `deviceId` */
  @PrimaryGeneratedColumn('identity', { type: 'bigint', transformer: id } as object)
  id!: number;

  @Column('varchar', { name: 'device_id' })
  deviceId!: string;

  @Column('varchar')
  name!: string;

  @Column('bigint', { name: 'network_id', transformer: id })
  networkId!: number;

  @Column('bigint', { name: 'device_type_id', transformer: id })
  deviceTypeId!: number;

  @Column('jsonb', { nullable: true })
  data!: object | null;

  @Column('boolean')
  blocked!: boolean;

  /** when it was deleted: nobody sees it any more, and its row goes when its commands and notifications have */
  @Column('timestamptz', { name: 'gone_at', nullable: true })
  goneAt!: Date | null;
}
