import { JsonText } from '../../../protocol/json-text.js';
import { isEventName } from '../../../protocol/topics.js';
import { Int32Field, JsonObjectField, TextField, TimestampField } from '../../../transport/dto/dto-fields.js';
import type { CommandFields } from '../device-command.js';

const NAME_TOO_LONG = 'Command name must have at most 128 characters and 64 levels';

/** The member `command` of `command/insert` and `command/update`. */
export class CommandFieldsDto implements CommandFields {
  @TextField({ accepts: isEventName, unfit: NAME_TOO_LONG })
  command?: string | null;

  @TimestampField()
  timestamp?: Date | null;

  @JsonObjectField()
  parameters?: JsonText | null;

  @Int32Field()
  lifetime?: number | null;

  @TextField()
  status?: string | null;

  @JsonObjectField()
  result?: JsonText | null;
}
