import { InitialSchema1763900000000 } from './1763900000000-initial-schema.js';
import { RepeatsAndLeadership1764000000000 } from './1764000000000-repeats-and-leadership.js';
import { Notifications1764100000000 } from './1764100000000-notifications.js';
import { TableHygiene1764200000000 } from './1764200000000-table-hygiene.js';
import { RightsChange1764300000000 } from './1764300000000-rights-change.js';
import { GoneDevices1764400000000 } from './1764400000000-gone-devices.js';
import { CredentialGeneration1764500000000 } from './1764500000000-credential-generation.js';

/** In the order in which they run. An entry is never changed after a release, only added to. */
export const migrations = [
  InitialSchema1763900000000,
  RepeatsAndLeadership1764000000000,
  Notifications1764100000000,
  TableHygiene1764200000000,
  RightsChange1764300000000,
  GoneDevices1764400000000,
  CredentialGeneration1764500000000,
];
