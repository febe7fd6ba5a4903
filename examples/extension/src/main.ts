import { createApp } from 'nest-devicehive';
import { options } from './options.js';

const { app, mqttUrl } = await createApp(options);
app.enableShutdownHooks();
console.log(`DeviceHive on ${mqttUrl}`);
