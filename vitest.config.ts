import { defineConfig } from 'vitest/config';
import { hasMosquitto } from './test/support/mosquitto.js';
import { hasNats } from './test/support/nats.js';

const postgres = process.env.TEST_DATABASE_URL;
if (!postgres && process.env.CI === 'true') {
  throw new Error(
    'TEST_DATABASE_URL is missing: with CI=true the tests on a real PostgreSQL are not skipped',
  );
}
if (!hasMosquitto && process.env.CI === 'true') {
  throw new Error('mosquitto is missing: with CI=true the tests on a real Mosquitto are not skipped');
}
// The configuration is read once for each project.
if (!process.env.DEVICEHIVE_TEST_TOLD) {
  process.env.DEVICEHIVE_TEST_TOLD = 'true';
  const skip = (what: string, why: string) =>
    process.stdout.write(`Skipping the tests on a real ${what}: ${why}\n`);
  if (!postgres) skip('PostgreSQL', 'TEST_DATABASE_URL is not set');
  if (!postgres) skip('Mosquitto', 'they need a real PostgreSQL');
  else if (!hasMosquitto) skip('Mosquitto', 'its binary is not installed');
  else if (!hasNats) skip('NATS', 'its binary nats-server is not installed');
}

/** The same on either database, whose statements the other files run on both; on PostgreSQL where there is one. */
const ON_ONE_DATABASE = [
  'acknowledgement',
  'action-contract',
  'action-timeout',
  'api-description',
  'bad-input',
  'before-connack',
  'client',
  'command-subscribe',
  'compatibility',
  'compatibility-actions',
  'compatibility-connecting',
  'compatibility-devices',
  'compatibility-errors',
  'compatibility-requests',
  'compatibility-rights',
  'compatibility-topics',
  'connect',
  'filter-bursts',
  'handlers',
  'health',
  'isolation',
  'legacy-password',
  'limits',
  'login-flood',
  'malformed-topics',
  'native-subscriptions',
  'order',
  'own-permissions',
  'real-clients',
  'refused-start',
  'repeats',
  'resilience',
  'retention',
  'rights',
  'server-info',
  'stored-sessions',
  'stored-sessions-delivery',
  'stored-sessions-restart',
  'subscription-order',
  'subscriptions',
  'tenancy',
  'token-create',
  'tokens',
  'unauthenticated',
].map((name) => `test/${name}.e2e-spec.ts`);

interface Variant {
  exclude?: string[];
  mode?: string;
}

const endToEnd = (
  name: string,
  include: string[],
  TEST_DATABASE: string,
  { exclude = [], mode = '' }: Variant = {},
) => ({
  extends: true as const,
  test: {
    name,
    include,
    exclude,
    env: { TEST_DATABASE, FAULTS: mode },
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/support/check-traffic.ts'],
    // A service, its broker and its database each, which wait more than they compute. All that kills alone.
    maxWorkers: mode === 'long' ? 1 : 3,
    sequence: { groupOrder: 1 },
    // The service is imported once and not for each file: a second or two of each, of which there are a hundred.
    isolate: false,
    // Ten times what the longest takes on a quiet machine.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});

export default defineConfig(({ mode }) => ({
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: [
            'src/**/*.spec.ts',
            'schematics/*.spec.ts',
            'test/support/*.spec.ts',
            'test/faults/ledger/*.spec.ts',
          ],
          isolate: false,
          testTimeout: 30_000,
        },
      },
      endToEnd('embedded', ['test/*.e2e-spec.ts', 'test/*.embedded-spec.ts'], 'embedded', {
        exclude: postgres ? ON_ONE_DATABASE : [],
      }),
      ...(postgres
        ? [endToEnd('postgres', ['test/*.e2e-spec.ts', 'test/*.postgres-spec.ts'], 'postgres')]
        : []),
      ...(postgres && hasMosquitto
        ? [
            endToEnd('mosquitto', ['test/*.mosquitto-spec.ts'], 'postgres'),
            endToEnd('faults', ['test/faults/*.faults-spec.ts'], 'postgres', { mode }),
          ]
        : []),
    ],
  },
}));
