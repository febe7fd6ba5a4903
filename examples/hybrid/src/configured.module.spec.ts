import { strict as assert } from 'node:assert';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ConfigService } from '@nestjs/config';
import { Test } from '@nestjs/testing';
import { DeviceHiveClient, DeviceHiveServer } from 'nest-devicehive';
import { firstValueFrom } from 'rxjs';
import { ConfiguredModule } from './configured.module.js';

test('reboot/now answers who asked', async (context) => {
  const undo: (() => unknown)[] = [];
  context.after(async () => {
    for (const step of undo.toReversed()) await step();
  });
  const dataDir = await mkdtemp(join(tmpdir(), 'example-'));
  undo.push(() => rm(dataDir, { recursive: true }));
  const testing = await Test.createTestingModule({ imports: [ConfiguredModule] })
    .overrideProvider(ConfigService)
    .useValue(new ConfigService({ BROKER_PORT: 0, BROKER_DATA: dataDir }))
    .compile();
  const app = testing.createNestApplication();
  undo.push(() => app.close());
  const devicehive = app.get(DeviceHiveServer);
  app.connectMicroservice({ strategy: devicehive });
  await app.init();
  await app.startAllMicroservices();

  const client = new DeviceHiveClient({
    url: devicehive.brokerUrl!,
    username: 'dhadmin',
    password: 'dhadmin_#911',
  });
  undo.push(() => client.close());
  const reply = await firstValueFrom(client.send('reboot/now', { seconds: 5 }));
  assert.deepEqual(reply, { seconds: 5, askedBy: 1 });
});
