// The embedded database in a thread of its own: a query of PGlite blocks the event loop that runs it, and
// the broker's pings with it. JavaScript, because a worker starts from a file, in the tests as well.
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import { PGLiteSocketServer } from '@electric-sql/pglite-socket';

/** @type {{ directory: string, socket: string }} */
const { directory, socket } = workerData;

const db = await PGlite.create({ dataDir: directory });
// Two: PGlite runs one session, but a client that broke off may still be closing when the next one comes.
const server = new PGLiteSocketServer({ db, path: socket, maxConnections: 2 });
await server.start();
parentPort?.postMessage('ready');

parentPort?.once('message', async () => {
  await server.stop();
  await db.close();
  process.exit(0);
});
