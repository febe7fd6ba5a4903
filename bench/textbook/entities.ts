import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

@Entity('device')
export class Device {
  @PrimaryGeneratedColumn('identity', { type: 'bigint' } as object)
  id!: string;

  @Column('varchar', { name: 'device_id' })
  deviceId!: string;

  @Column('bigint', { name: 'network_id' })
  networkId!: string;

  @Column('bigint', { name: 'device_type_id' })
  deviceTypeId!: string;
}

@Entity('device_command')
export class DeviceCommand {
  @PrimaryGeneratedColumn('identity', { type: 'bigint' } as object)
  id!: string;

  @Column('bigint')
  device!: string;

  @Column('bigint', { name: 'user_id', nullable: true })
  userId!: string | null;

  @Column('varchar', { nullable: true })
  command!: string | null;

  @Column('timestamptz')
  timestamp!: Date;

  @Column('timestamptz', { name: 'last_updated' })
  lastUpdated!: Date;

  @Column('jsonb', { nullable: true })
  parameters!: object | null;

  @Column('int', { nullable: true })
  lifetime!: number | null;

  @Column('text', { nullable: true })
  status!: string | null;

  @Column('jsonb', { nullable: true })
  result!: object | null;

  @Column('boolean', { name: 'is_updated' })
  isUpdated!: boolean;
}
