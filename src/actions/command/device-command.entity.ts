import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** Table `device_command`, for those who query it; the service itself writes it in SQL that states its precondition. */
@Entity('device_command')
export class DeviceCommandEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint' } as object)
  id!: string;

  /** `device.id`, not the text that clients know: a device created anew under the same id is another one */
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

  /** fingerprints of the requests applied lately */
  @Column('bytea', { array: true })
  recent!: Buffer[];
}
