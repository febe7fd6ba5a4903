import { Module } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { IsISO8601, IsString } from 'class-validator';
import * as dh from 'nest-devicehive';
import { Column, Entity, PrimaryGeneratedColumn, type QueryRunner, Repository } from 'typeorm';

@Entity()
class Reboot {
  @PrimaryGeneratedColumn() id!: number;
  @Column() device!: string;
  @Column() at!: Date;
}

export class CreateReboot1770000000000 {
  up = (runner: QueryRunner) =>
    runner.query('CREATE TABLE reboot (id serial PRIMARY KEY, device text NOT NULL, at timestamp NOT NULL)');
  down = (runner: QueryRunner) => runner.query('DROP TABLE reboot');
}

class ScheduleDto {
  @IsString({ message: 'deviceId must be text' }) deviceId!: string;
  @IsISO8601({}, { message: 'at must be a time' }) at!: string;
}

@dh.ActionController()
class RebootController {
  constructor(
    @InjectRepository(Reboot, dh.DATA_SOURCE) private readonly reboots: Repository<Reboot>,
    private readonly devices: dh.VisibleDevices,
  ) {}

  @MessagePattern('reboot/schedule', dh.DEVICEHIVE)
  @dh.RequirePermission('ManageReboot')
  async schedule(@Payload() { deviceId, at }: ScheduleDto, @dh.CurrentPrincipal() principal: dh.Principal) {
    await this.devices.get(principal, deviceId);
    return { reboot: await this.reboots.save({ device: deviceId, at: new Date(at) }) };
  }
}

@Module({ imports: [TypeOrmModule.forFeature([Reboot], dh.DATA_SOURCE)], controllers: [RebootController] })
export class RebootModule {}
