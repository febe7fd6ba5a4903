import { Module } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import * as dh from 'nest-devicehive';
import { Entity, PrimaryColumn, type QueryRunner, Repository } from 'typeorm';

@Entity()
class Reboot {
  @PrimaryColumn() device!: string;
  @PrimaryColumn() at!: Date;
}

export class CreateReboot1770000000000 {
  up = (runner: QueryRunner) =>
    runner.query('CREATE TABLE reboot (device text, at timestamp, PRIMARY KEY (device, at))');
  down = (runner: QueryRunner) => runner.query('DROP TABLE reboot');
}

class ScheduleDto {
  @dh.TextField({ required: 'deviceId is missing' }) deviceId!: string;
  @dh.TimestampField({ required: 'at is missing', wrong: 'at must be a time' }) at!: Date;
}

@dh.ActionController()
class RebootController {
  constructor(
    @InjectRepository(Reboot, dh.DATA_SOURCE) private readonly reboots: Repository<Reboot>,
    private readonly devices: dh.VisibleDevices,
  ) {}

  @MessagePattern('reboot/schedule', dh.DEVICEHIVE, { isRepeatable: true })
  @dh.RequirePermission('ManageReboot')
  async schedule(@Payload() { deviceId, at }: ScheduleDto, @dh.CurrentPrincipal() principal: dh.Principal) {
    await this.devices.get(principal, deviceId);
    const reboot = { device: deviceId, at };
    // The same request once more finds its row.
    await this.reboots.upsert(reboot, ['device', 'at']);
    return { reboot };
  }
}

@Module({ imports: [TypeOrmModule.forFeature([Reboot], dh.DATA_SOURCE)], controllers: [RebootController] })
export class RebootModule {}
