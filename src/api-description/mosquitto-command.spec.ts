import 'reflect-metadata';
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { requestCommand, watchCommand } from './mosquitto-command.js';

const OPTIONS = {
  brokerUrl: 'mqtt://[::]:1883',
  isExternal: false,
  clientIdInTopic: false,
  maxRequestBytes: 1,
};

/** What a program gets of a command line. */
function argumentsOf(command: string): string[] {
  const shown = command.replace(/^mosquitto_\w+/, String.raw`printf '%s\n'`);
  return execFileSync('sh', ['-c', shown], { env: { LOGIN: 'me', PASSWORD: "it's $secret" } })
    .toString()
    .trimEnd()
    .split('\n');
}

describe('the commands to copy', () => {
  it('pass a payload through a shell as it is', () => {
    const payload = { text: `it's "quoted" $HOME \`x\` \\ !` };
    const words = argumentsOf(requestCommand('command/insert', payload, OPTIONS));
    expect(words.join(' ')).toBe(
      `-V mqttv311 -h localhost -p 1883 -u me -P it's $secret -i me -t dh/request -e dh/response/command/insert@me -m ${JSON.stringify(payload)}`,
    );
  });

  it('name the client in the topic, and use TLS, where the broker wants it', () => {
    const options = {
      ...OPTIONS,
      brokerUrl: 'mqtts://broker.example:8883',
      isExternal: true,
      clientIdInTopic: true,
    };
    const words = argumentsOf(requestCommand('server/info', {}, options));
    expect(words).toContain('--tls-use-os-certs');
    expect(words).toContain('dh/request/me');
    expect(words).not.toContain('mqttv311');
    expect(argumentsOf(watchCommand('dh/command/#', options)).at(-1)).toBe('dh/command/#');
  });
});
