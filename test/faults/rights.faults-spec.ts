import { expect, it } from 'vitest';
import { ADMIN, SAMPLE_DEVICE } from '../support/service.js';
import { freePort } from '../support/mosquitto.js';
import { signToken } from '../support/token.js';
import { now, refusalsIn } from './ledger/ledger.js';
import type { LedgerRun } from './ledger/run.js';
import { onBuiltIn, type Site } from './ledger/site.js';
import { endsWell, hasAnswered, NAMES, Scene } from './scene.js';

const GUEST = { id: 77, login: 'guest' };
/** The last of the clients is the guest's; it logs in with the administrator's password. */
const GUESTS_CLIENT = NAMES.at(-1)!;
const GUESTS_WATCHER = 'guests-watcher';

const scene = Scene.ofEachTest();

/** The guest's clients come as the guest, those of others as the administrator. */
function siteOf(port: number): Site {
  const site = onBuiltIn(port);
  const guest = {
    ...site.options(GUESTS_CLIENT),
    username: GUEST.login,
    password: ADMIN.password,
    body: { token: signToken({ u: GUEST.id }) },
  };
  return {
    ...site,
    options: (name) => ([GUESTS_CLIENT, GUESTS_WATCHER].includes(name) ? guest : site.options(name)),
  };
}

async function letGuestIn(run: LedgerRun): Promise<void> {
  await run.database.query(
    `INSERT INTO dh_user (id, login, password_hash, role, all_device_types_available)
     SELECT $1, $2, password_hash, 1, true FROM dh_user WHERE login = $3`,
    [GUEST.id, GUEST.login, ADMIN.username],
  );
  await run.database.query(
    'INSERT INTO user_network SELECT $1, network_id FROM device WHERE device_id = $2',
    [GUEST.id, SAMPLE_DEVICE],
  );
}

it.each([
  ['a network is taken from a user', 'DELETE FROM user_network WHERE user_id = $1'],
  ['a user is disabled', 'UPDATE dh_user SET status = 2 WHERE id = $1'],
])(
  'a second after %s nothing is applied and nothing is seen any more',
  async (_, statement) => {
    const port = await freePort();
    const service = await scene.service({ env: { MQTT_PORT: String(port) } });
    const run = await scene.run(siteOf(port), {}, scene.databaseUrl, letGuestIn);
    await run.watch(GUESTS_WATCHER);
    const sending = run.send(2_000);
    await hasAnswered(run, 800);
    await run.database.query(statement, [GUEST.id]);
    const at = now();
    await sending;
    // More, until all that is sent is late enough.
    while (now() < at + 2_000) await run.send(100);
    const seenBy = (name: string) => run.ledger.events.filter(({ watcher }) => watcher === name).length;
    const revocations = [GUESTS_CLIENT, GUESTS_WATCHER].map((who) => ({ who, deviceId: SAMPLE_DEVICE, at }));
    await endsWell(run, { revocations, mayRefuse: true });
    expect(refusalsIn(run.ledger).length).toBeGreaterThan(0);
    expect(seenBy(GUESTS_WATCHER)).toBeGreaterThan(0);
    expect(seenBy(GUESTS_WATCHER)).toBeLessThan(seenBy('watcher'));
    expect(service.isRunning).toBe(true);
  },
  60_000,
);
