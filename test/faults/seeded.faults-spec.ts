import { describe, expect, it } from 'vitest';
import { freePort } from '../support/mosquitto.js';
import { serviceOn } from '../support/on-mosquitto.js';
import { MqttProxy } from '../support/proxy.js';
import { onBuiltIn, onMosquitto } from './ledger/site.js';
import { hasAnswered, isLong, type Mutation, Scene, type ServiceOptions } from './scene.js';

/** What has no answer by then is lost, or late: the checker tells either way. */
const SETTLED_MS = 2_000;

const scene = Scene.ofEachTest();

/** The service's acknowledgements get lost, and so its broker sends everything again. */
async function lostAcknowledgements({ env }: ServiceOptions = {}): Promise<string[]> {
  const broker = await scene.mosquitto();
  const proxy = scene.keep(await MqttProxy.start(broker.url));
  await scene.service({ env: { ...serviceOn(broker, proxy.url), ...env } });
  const run = await scene.run(onMosquitto(broker), { inFlight: 2 });
  proxy.drop = (direction, { cmd }) => direction === 'toBroker' && cmd === 'puback';
  await run.send(300);
  await hasAnswered(run, 290);
  await run.during(() => {
    proxy.drop = () => false;
    return Promise.resolve(proxy.cut());
  });
  await run.send(20);
  return run.check();
}

/** The service is killed while its statements wait for somebody's lock, and come to nothing. */
async function killed({ mutations }: ServiceOptions = {}): Promise<string[]> {
  const broker = await scene.mosquitto();
  const service = await scene.service({ env: serviceOn(broker), mutations });
  const run = await scene.run(onMosquitto(broker), { openUntil: 'acknowledged' });
  const transaction = run.database.createQueryRunner();
  await transaction.startTransaction();
  await transaction.query('LOCK TABLE device_command');
  await run.send(200);
  const waiting = `FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
  const isWaiting = async () => (await run.database.query(`SELECT 1 ${waiting}`)).length > 0;
  await expect.poll(isWaiting, { timeout: 30_000 }).toBe(true);
  await run.during(async () => {
    service.kill('SIGKILL');
    await service.exit();
    await run.database.query(`SELECT pg_terminate_backend(pid) ${waiting}`);
    await transaction.rollbackTransaction();
    await scene.serviceOn(broker);
  });
  await transaction.release();
  return run.check({}, SETTLED_MS);
}

/** Many requests at the same time for each command. */
const crowded = (options: ServiceOptions): Promise<string[]> => undisturbed(options, 1_500);

/** Nothing breaks; the names of clients are what others' topics end in. */
async function undisturbed({ mutations }: ServiceOptions = {}, count = 150): Promise<string[]> {
  const env = { MQTT_PORT: String(await freePort()) };
  await scene.service({ env, mutations });
  const run = await scene.run(onBuiltIn(Number(env.MQTT_PORT)), {}, scene.databaseUrl, undefined, [
    'b',
    'a@b',
    'b@a',
  ]);
  await run.send(count);
  return run.check({}, SETTLED_MS);
}

const ACKNOWLEDGES_FIRST: Mutation = {
  file: 'transport/intake/request-intake.js',
  from: 'this.execute(delivery, read, inPlace)',
  to: '(delivery.settle(() => {}), this.execute({ ...delivery, settle: (reply) => reply() }, read, inPlace))',
};
const NO_LANES: Mutation = {
  file: 'transport/lanes.js',
  from: '(this.tails.get(key) ?? FREE).then(work)',
  to: 'FREE.then(work)',
};
const UPDATE = 'actions/command/command-update.statement.js';
const UNSORTED: Mutation[] = [
  NO_LANES,
  { file: UPDATE, from: ' ORDER BY command_id', to: '' },
  { file: UPDATE, from: 'FOR UPDATE SKIP LOCKED', to: 'FOR UPDATE' },
];
/** Replies go by connections; the obvious design has them go by the client id in their topics. */
const OWNER_AFTER_LAST: Mutation = {
  file: 'broker/service-traffic.js',
  from: 'this.connections.get(connectionId)?.answer',
  to: "[...this.connections].find(({ client }) => client.id === responseTopic.split('@').at(-1))?.answer",
};

describe('a service as it is', () => {
  const STORIES: [string, () => Promise<string[]>][] = [
    ['loses acknowledgements', lostAcknowledgements],
    ['is killed', killed],
    ['is undisturbed', undisturbed],
  ];
  // What the others do is done in other files, too.
  it.each(isLong ? STORIES : STORIES.slice(0, 1))(
    'that %s violates nothing',
    async (_, story) => {
      expect(await story()).toEqual([]);
    },
    180_000,
  );
});

describe('the checker finds', () => {
  it.each([
    ['requests that are applied again', /^I2/, lostAcknowledgements, { env: { REQUEST_REPLAY_WINDOW: '0' } }],
    ['requests that are acknowledged before the commit', /^I7/, killed, { mutations: [ACKNOWLEDGES_FIRST] }],
    ['batches that have a command twice, and are not sorted', /^I/, crowded, { mutations: UNSORTED }],
    ['replies whose owner is after the last @', /^I11/, undisturbed, { mutations: [OWNER_AFTER_LAST] }],
  ])(
    '%s',
    async (_, invariant, story, options) => {
      expect(await story(options)).toContainEqual(expect.stringMatching(invariant));
    },
    180_000,
  );
});
