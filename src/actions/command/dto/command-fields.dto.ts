import { JsonText } from '../../../protocol/json-text.js';
import { EVENT_NAME } from '../../../protocol/topics.js';
import { Int32Field, JsonObjectField, TextField, TimestampField } from '../../../transport/dto/dto-fields.js';
import type { CommandFields } from '../device-command.js';

const NAME_TOO_LONG = 'Command name must have at most 128 characters and 64 levels';

/** The member `command` of `command/insert` and `command/update`. */
export class CommandFieldsDto implements CommandFields {
  @TextField({ ...EVENT_NAME, unfit: NAME_TOO_LONG, description: 'its name' })
  command?: string | null;

  @TimestampField()
  timestamp?: Date | null;

  @JsonObjectField({ description: 'replaced whole' })
  parameters?: JsonText | null;

  @Int32Field({ description: 'seconds for which it makes sense to execute it' })
  lifetime?: number | null;

  @TextField({ description: 'how far the device is, in its own words' })
  status?: string | null;

  @JsonObjectField({ description: 'what came of it; replaced whole' })
  result?: JsonText | null;
}
