import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** Table `device_notification`, for those who query it; the service itself writes it in SQL that states its precondition. */
@Entity('device_notification')
export class DeviceNotificationEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint' } as object)
  id!: string;

  /** `device.id`, not the text that clients know: a device created anew under the same id is another one */
  @Column('bigint')
  device!: string;

  @Column('varchar')
  notification!: string;

  @Column('timestamptz')
  timestamp!: Date;

  @Column('jsonb', { nullable: true })
  parameters!: object | null;
}
