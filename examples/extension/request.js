// node request.js <mqtt url> <action> <body as JSON>: one request as the sample administrator.
import { connectAsync } from 'mqtt';

const [url, action, body] = process.argv.slice(2);
const credentials = { username: 'dhadmin', password: 'dhadmin_#911' };
const client = await connectAsync(url, { clientId: 'example', ...credentials });
await client.subscribeAsync(`dh/response/${action}@example`);
client.on('message', (_topic, payload) => {
  console.log(payload.toString());
  client.end();
});
// Not that of an earlier request, of which it would be taken for a repeat.
const requestId = crypto.randomUUID();
client.publish('dh/request', JSON.stringify({ action, requestId, ...JSON.parse(body) }), { qos: 1 });
