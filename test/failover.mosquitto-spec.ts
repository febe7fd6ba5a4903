import { describeFailover } from './support/failover-contract.js';
import { Mosquitto } from './support/mosquitto.js';
import { connectOn, serviceOn } from './support/on-mosquitto.js';
import { TestService } from './support/service.js';
import { SteadyLoad } from './support/steady-load.js';

const USERS = ['one', 'two', 'three', 'four', 'five'];

describeFailover('on Mosquitto', async (url, keep) => {
  const broker = keep(await Mosquitto.start({ users: USERS }));
  const service = keep(await TestService.start({ ...serviceOn(broker), DATABASE_URL: url }));
  const clients = await Promise.all(USERS.map((name) => connectOn(broker, name)));
  for (const client of clients) keep({ stop: () => client.end() });
  const ids = await Promise.all(clients.map(() => service.insertCommand()));
  return { service, load: keep(new SteadyLoad(clients, ids)) };
});
