import { isClientId } from './protocol/topics.js';
import { applyDecorators } from '@nestjs/common';
import { plainToInstance, Transform } from 'class-transformer';
import {
  getMetadataStorage,
  IsIn,
  IsInt,
  IsOptional,
  Max,
  Min,
  ValidateBy,
  validateSync,
} from 'class-validator';

export const UPDATE_FIELDS = ['command', 'timestamp', 'parameters', 'lifetime', 'status', 'result'] as const;
export const DEFAULT_CLIENT_ID = 'devicehive';
const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];

/** What the value of a variable is in the program: text unless told. */
export const TYPES = new Map<string, 'number' | 'boolean' | 'list'>();

const Typed =
  (type: 'number' | 'boolean' | 'list'): PropertyDecorator =>
  (_prototype, variable) =>
    TYPES.set(String(variable), type);

/** A variable's check: `problem` completes the sentence "NAME ...". */
const Setting = (problem: string, accepts: (value: string) => boolean): PropertyDecorator =>
  applyDecorators(
    IsOptional(),
    ValidateBy({ name: 'setting', validator: { validate: accepts } }, { message: problem }),
  );

const Integer = (min: number, max: number): PropertyDecorator => {
  const message = `must be an integer from ${min} to ${max}`;
  return applyDecorators(
    Typed('number'),
    IsOptional(),
    Transform(({ value }: { value: string }) => (/^\d+$/.test(value) ? Number(value) : value)),
    IsInt({ message }),
    Min(min, { message }),
    Max(max, { message }),
  );
};

const Flag = (): PropertyDecorator =>
  applyDecorators(
    Typed('boolean'),
    IsOptional(),
    Transform(({ value }: { value: string }) => ({ true: true, false: false })[value] ?? value),
    IsIn([true, false], { message: 'must be true or false' }),
  );

const Url = (...protocols: string[]): PropertyDecorator =>
  applyDecorators(
    Setting(`must be a URL that starts with ${protocols.map((p) => `${p}//`).join(' or ')}`, (value) =>
      protocols.some((protocol) => value.startsWith(`${protocol}//`) && URL.canParse(value)),
    ),
    Setting('must have a user, password and path that are percent-encoded', isDecodable),
  );

function isDecodable(value: string): boolean {
  try {
    return decodeURI(value) !== undefined;
  } catch {
    return false;
  }
}

const Text = (): PropertyDecorator => Setting('must not be empty', (value) => value.trim() !== '');

const Choice = (values: readonly string[]): PropertyDecorator =>
  applyDecorators(IsOptional(), IsIn(values, { message: `must be one of ${values.join(', ')}` }));

/** Some of the values, with commas between them. */
const ChoiceList = (values: readonly string[]): PropertyDecorator =>
  applyDecorators(
    Typed('list'),
    Transform(({ value }: { value: string | string[] }) =>
      typeof value === 'string' ? value.split(',').map((name) => name.trim()) : value,
    ),
    IsIn(values, { each: true, message: `must be a list of ${values.join(', ')}` }),
  );

/** The process environment: every variable of the configuration, its default and its check. */
export class Environment {
  @Url('postgres:', 'postgresql:') DATABASE_URL?: string;
  @Text() DATA_DIR = '.data';
  @Integer(1, 1000) DATABASE_POOL_SIZE = 8;

  @Url('mqtt:', 'mqtts:') MQTT_URL?: string;
  @Text() MQTT_HOST = '127.0.0.1';
  @Integer(0, 65_535) MQTT_PORT?: number;
  @Setting('must have 1 to 128 characters, without /, +, # and control characters', isClientId)
  MQTT_CLIENT_ID = DEFAULT_CLIENT_ID;
  @Setting('must have no /, + and #', (value) => /^[^/+#]+$/.test(value)) MQTT_SHARED_GROUP?: string;
  @Text() MQTT_CA_FILE?: string;
  @Text() MQTT_USERNAME?: string;
  @Text() MQTT_PASSWORD?: string;
  @Setting('must be topic or property:<name>', (value) => /^(topic|property:.+)$/.test(value))
  CLIENT_ID_SOURCE = 'topic';
  @Choice(['anyone', 'authenticated', 'nobody'])
  ORDINARY_TOPICS: 'anyone' | 'authenticated' | 'nobody' = 'authenticated';

  @Text() HTTP_HOST = '127.0.0.1';
  @Integer(0, 65_535) HTTP_PORT?: number;

  @Text() JWT_SECRET?: string;
  @Flag() JWT_ALLOW_WEAK_SECRET = false;
  @Url('https:', 'http:') JWT_JWKS_URL?: string;
  @Setting('must be a public key in PEM (SPKI)', (value) => value.includes('-----BEGIN PUBLIC KEY-----'))
  JWT_PUBLIC_KEY?: string;
  @Text() JWT_ISSUER?: string;
  @Text() JWT_AUDIENCE?: string;

  @Text() ADMIN_LOGIN?: string;
  @Setting('must have at least 6 characters', (value) => value.length >= 6) ADMIN_PASSWORD?: string;
  @Flag() SEED_SAMPLE_DATA?: boolean;
  @Flag() ALLOW_SAMPLE_LOGIN = false;

  /** the packet limit is four times this, and MQTT ends at 256 MB */
  @Integer(1_024, 64 * 1_048_576) MAX_REQUEST_BYTES = 1_048_576;
  @Integer(1, 1_000_000) MAX_IN_FLIGHT = 1_024;
  @Integer(100, 600_000) REQUEST_DEADLINE_MS = 10_000;
  @Integer(0, 86_400_000) ACTION_TIMEOUT_MS = 30_000;
  @Integer(0, 86_400) REQUEST_REPLAY_WINDOW = 600;

  @ChoiceList(UPDATE_FIELDS)
  COMMAND_UPDATE_FIELDS: (typeof UPDATE_FIELDS)[number][] = [...UPDATE_FIELDS];

  /** a century at most: what is older than any row needs no limit */
  @Integer(1, 36_500) COMMAND_RETENTION_DAYS?: number;

  @Choice(LOG_LEVELS) LOG_LEVEL = 'info';
}

export const VARIABLES: ReadonlySet<string> = new Set(
  getMetadataStorage()
    .getTargetValidationMetadatas(Environment, '', false, false)
    .map(({ propertyName }) => propertyName),
);

/** What `Environment` is read from. */
export type Variables = { readonly [name in keyof Environment]?: string };

/** Values that stay out of error messages. */
const SECRET = /PASSWORD|SECRET|URL|KEY/;

/**
 * An empty variable counts as not set, as `docker compose` passes it. Only text is read: JavaScript would take the list
 * `["true"]` for `true`.
 * @throws where a value is wrong: its name, the value, and what would be right
 */
export function readEnvironment(env: Variables): Environment {
  const values = Object.entries(env).filter(([name, value]) => {
    if (VARIABLES.has(name) && value !== undefined && typeof value !== 'string')
      throw wrong(name, 'must be text', env);
    return value !== '';
  });
  const environment = plainToInstance(Environment, Object.fromEntries(values), { exposeDefaultValues: true });
  const [error] = validateSync(environment, { whitelist: true });
  if (!error) return environment;
  throw wrong(error.property, Object.values(error.constraints ?? {})[0]!, env);
}

function wrong(name: string, problem: string, env: Variables): Error {
  const value = SECRET.test(name) ? '' : ` (it is ${JSON.stringify(env[name as keyof Environment])})`;
  return new Error(`${name} ${problem}${value}`);
}
