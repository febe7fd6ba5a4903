import { Type } from 'class-transformer';
import {
  IsDateString,
  IsInt,
  IsNotEmpty,
  IsObject,
  IsOptional,
  IsString,
  ValidateNested,
} from 'class-validator';

export class CommandFieldsDto {
  @IsOptional()
  @IsString()
  command?: string;

  @IsOptional()
  @IsDateString()
  timestamp?: string;

  @IsOptional()
  @IsObject()
  parameters?: object;

  @IsOptional()
  @IsInt()
  lifetime?: number;

  @IsOptional()
  @IsString()
  status?: string;

  @IsOptional()
  @IsObject()
  result?: object;
}

export class UpdateCommandDto {
  @IsString()
  action!: string;

  @IsNotEmpty()
  requestId!: unknown;

  @IsString()
  deviceId!: string;

  @IsInt()
  commandId!: number;

  @ValidateNested()
  @Type(() => CommandFieldsDto)
  command!: CommandFieldsDto;
}
