import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { firstValueFrom } from 'rxjs';
import type { DeviceHiveClient } from '../client/index.js';
import { brokerAddress } from '../protocol/broker-url.js';
import { Unreachable, WrongUsage } from './exit-codes.js';

/** Options of every command. */
export interface GlobalOptions {
  url: string;
  token?: string;
  login?: string;
  password?: string;
  mqttUsername?: string;
  mqttPassword?: string;
  clientId?: string;
  mqtt5?: boolean;
  ca?: Buffer;
  /** seconds */
  timeout: number;
  json?: boolean;
}

const NO_CREDENTIALS = 'set DEVICEHIVE_LOGIN and DEVICEHIVE_PASSWORD, or DEVICEHIVE_TOKEN';

const option = (flags: string, text: string, variable: string) => new Option(flags, text).env(variable);

export function addGlobalOptions(program: Command): void {
  program
    .addOption(
      option('-u, --url <url>', 'the broker', 'DEVICEHIVE_URL')
        .default('mqtt://127.0.0.1:1883')
        .argParser((text) => brokerUrl(text, program)),
    )
    .addOption(option('--token <token>', 'access token', 'DEVICEHIVE_TOKEN'))
    .addOption(option('--login <login>', 'or a DeviceHive login', 'DEVICEHIVE_LOGIN'))
    .addOption(option('--password <password>', 'and its password', 'DEVICEHIVE_PASSWORD'))
    .addOption(option('--mqtt-username <name>', "a broker's own user", 'DEVICEHIVE_MQTT_USERNAME'))
    .addOption(option('--mqtt-password <password>', 'and its password', 'DEVICEHIVE_MQTT_PASSWORD'))
    .addOption(
      option('--client-id <id>', 'MQTT client id (default: that user, or random)', 'DEVICEHIVE_CLIENT_ID'),
    )
    .option('--mqtt5', 'speak MQTT 5, which the built-in broker does not')
    .addOption(option('--ca <file>', 'certificates to trust (PEM)', 'DEVICEHIVE_CA_FILE').argParser(fileOf))
    .option('--timeout <seconds>', 'for the connection and for each request', positiveNumber, 10)
    .option('--json', 'one line of JSON for each result');
}

/**
 * Connects, works and ends the connection, whatever happens.
 * @throws {WrongUsage} for a login without its password
 * @throws {Unreachable} where there is no broker, it refuses the connection, or no reply comes
 */
export async function withClient<Result>(
  options: GlobalOptions,
  work: (client: DeviceHiveClient) => Promise<Result>,
): Promise<Result> {
  const { token, login, password = '', mqttUsername, mqttPassword } = options;
  if (token === undefined && login !== undefined && password === '') {
    throw new WrongUsage('a login needs --password, or DEVICEHIVE_PASSWORD');
  }
  // Nest takes most of a second to load: help and mistakes do without.
  const [{ codeOf, DeviceHiveClient }, { Logger }] = await Promise.all([
    import('../client/index.js'),
    import('@nestjs/common'),
  ]);
  // What there is to say, the commands say.
  Logger.overrideLogger(false);
  const byLogin = async (): Promise<string> => (await logIn(client, login!, password)).accessToken;
  const client = new DeviceHiveClient({
    url: options.url,
    token: token ?? (login === undefined ? undefined : byLogin),
    username: mqttUsername,
    password: mqttPassword,
    clientId: options.clientId ?? mqttUsername ?? `dh-${randomUUID()}`,
    protocolVersion: options.mqtt5 ? 5 : 4,
    ca: options.ca,
    timeout: options.timeout * 1_000,
  });
  try {
    await client.connect().catch((error: Error) => {
      throw new Unreachable(error.message);
    });
    return await work(client);
  } catch (error) {
    const { message } = error as Error;
    const code = codeOf(error);
    if (code === 504) throw new Unreachable(message);
    const isAnonymous = token === undefined && login === undefined;
    // The built-in broker refuses a subscription with 403; another one may do so to a user of its own.
    const isHelped = code === 401 || (code === 403 && mqttUsername === undefined);
    if (isAnonymous && isHelped) throw new Error(`${message}: ${NO_CREDENTIALS}`, { cause: error });
    throw error;
  } finally {
    await client.close();
  }
}

export interface TokenPair {
  accessToken: string;
  refreshToken: string;
}

export function logIn(client: DeviceHiveClient, login: string, password: string): Promise<TokenPair> {
  return ask(client, 'token', { login, password });
}

export function ask<Reply>(client: DeviceHiveClient, action: string, data: object): Promise<Reply> {
  return firstValueFrom(client.send<Reply>(action, data));
}

/** Commander's parsers of arguments. */
export function positiveNumber(text: string): number {
  const number = Number(text);
  if (!(number > 0) || number > 1e6)
    throw new InvalidArgumentError('It is a number above 0, a million at most.');
  return number;
}

export function wholeNumber(text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new InvalidArgumentError('It is a whole number.');
  return Number(text);
}

export function jsonObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // It is refused with the others.
  }
  throw new InvalidArgumentError(`It is a JSON object, like '{"level":3}'.`);
}

/** For options that may be given several times. */
export const several = (text: string, before: string[] = []): string[] => [...before, text];
export const severalNumbers = (text: string, before: number[] = []): number[] => [
  ...before,
  wholeNumber(text),
];

function fileOf(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

/** Commander would show what it refuses, and there may be a password in it. */
function brokerUrl(text: string, program: Command): string {
  try {
    brokerAddress(text);
  } catch (error) {
    program.error(`error: ${(error as Error).message}`);
  }
  return text;
}
