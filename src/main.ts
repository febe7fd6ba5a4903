import { setFlagsFromString } from 'node:v8';
import { ShutdownSignal } from '@nestjs/common';
import mqttPacket from 'mqtt-packet';
import { createApp } from './app.js';
import { Config } from './config.js';
import { loadEnvFile } from './env-file.js';
import { readEnvironment } from './environment.js';
import { PinoLogger } from './logger.js';
import { Seed } from './seed.js';
import { tryItText } from './try-it.js';

// By itself V8 lets 45 MB in use grow to 150 MB under load before it looks for garbage among what is older. Peak memory on
// Mosquitto and on the built-in broker, and CPU time: 300 and 340 MB; with 60 % 190 MB each for 5 % more, with 40 %
// 10 MB less for 15 % more.
setFlagsFromString('--heap-growing-percent=60');
// V8 comes to make rows of the database's answers in the old generation at once, where they and what they hold are until a
// full collection: 5 to 11 % of the CPU time of an update.
setFlagsFromString('--no-allocation-site-pretenuring');
// A cache of 65,536 buffers, one for each number that a packet may have: 10 MB of those above, and 2 % of the time to look
// for garbage in it.
mqttPacket.writeToStream.cacheNumbers = false;

// LevelDB and PGlite make files with the mode that the umask leaves: all of them are in DATA_DIR.
process.umask(0o077);

let warnings: string[] = [];
try {
  warnings = loadEnvFile();
  const logger = new PinoLogger(readEnvironment(process.env).LOG_LEVEL);
  for (const warning of warnings.splice(0)) logger.warn(warning, 'Configuration');
  const { app, server, mqttUrl, httpUrl } = await createApp({ environment: process.env }, logger);
  app.enableShutdownHooks([ShutdownSignal.SIGTERM, ShutdownSignal.SIGINT], { useProcessExit: true });
  await server.whenReady;
  logger.log(`ready ${mqttUrl} ${httpUrl}${server.state === 'standby' ? ' as a standby' : ''}`);
  const { database, external } = app.get(Config);
  if (!external && (database.seedSampleData || database.url === undefined)) {
    const isSampleOpen = database.seedSampleData && (await app.get(Seed).isSampleLoginOpen());
    process.stdout.write(tryItText(mqttUrl, httpUrl, isSampleOpen));
  }
} catch (error) {
  // The reason may be in them, and there was no logger yet.
  for (const warning of warnings) process.stderr.write(`${warning}\n`);
  process.stderr.write(`Cannot start: ${(error as Error).message}\n`);
  process.exit(1);
}
