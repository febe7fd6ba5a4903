import { type Environment, TYPES, VARIABLES, type Variables } from './environment.js';

type Camel<Name extends string> = Name extends `${infer Word}_${infer Rest}`
  ? `${Lowercase<Word>}${Capitalize<Camel<Rest>>}`
  : Lowercase<Name>;

type GroupOf<Name extends string> = Name extends `${infer Word}_${string}` ? Lowercase<Word> : never;

type MembersOf<Group extends string> = {
  [
    Name in keyof Environment as Name extends `${Uppercase<Group>}_${infer Rest}` ? Camel<Rest> : never
  ]?: Environment[Name];
};

/**
 * The variables of the README as typed options: a variable's first word is the group and the rest its member, so that
 * `{ mqtt: { port: 1883 }, command: { retentionDays: 30 } }` stands for `MQTT_PORT=1883` and `COMMAND_RETENTION_DAYS=30`.
 */
export type DeviceHiveSettings = { [Group in GroupOf<keyof Environment>]?: MembersOf<Group> };

/** e.g. `['mqtt', 'port']` of `MQTT_PORT` */
function pathOf(variable: string): [group: string, member: string] {
  const [group, ...rest] = variable.toLowerCase().split('_');
  const member = rest.map((word, i) => (i === 0 ? word : word[0]!.toUpperCase() + word.slice(1))).join('');
  return [group!, member];
}

/** Variables by group and member. */
const GROUPS = new Map<string, Map<string, string>>();
for (const variable of VARIABLES) {
  const [group, member] = pathOf(variable);
  GROUPS.set(group, (GROUPS.get(group) ?? new Map<string, string>()).set(member, variable));
}

/**
 * Typed options as variables. Members that are `undefined` are not set; text is taken for each, as variables are text.
 * @throws if there is no such option, or its value is of another type; what is right stands in the message
 */
export function variablesOf(settings: DeviceHiveSettings): Variables {
  const variables: Record<string, string> = {};
  for (const [group, given] of Object.entries(settings)) {
    const members = GROUPS.get(group);
    if (!members) throw unknown(group, GROUPS);
    for (const [member, value] of Object.entries(membersOf(group, given))) {
      const variable = members.get(member);
      if (!variable) throw unknown(`${group}.${member}`, members);
      if (value !== undefined) variables[variable] = textOf(`${group}.${member}`, variable, value);
    }
  }
  return variables;
}

function unknown(option: string, known: ReadonlyMap<string, unknown>): Error {
  return new Error(`There is no option ${option}, only ${[...known.keys()].join(', ')}`);
}

/** Entries of lists and maps are no members. */
function membersOf(group: string, given: unknown): object {
  if (given === undefined) return {};
  if (typeof given === 'object' && given !== null && !(Symbol.iterator in given)) return given;
  const [member] = GROUPS.get(group)!.keys();
  throw new Error(`The option ${group} must be an object with members such as ${member}`);
}

const isTextList = (value: unknown): value is string[] =>
  Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string');

/** The value is not told: it may be a secret. */
function textOf(option: string, variable: string, value: unknown): string {
  if (typeof value === 'string') return value;
  const mustBe = (type: string) => new Error(`The option ${option} must be ${type}`);
  switch (TYPES.get(variable)) {
    case 'number':
      if (typeof value !== 'number') throw mustBe('a number');
      return String(value);
    case 'boolean':
      if (typeof value !== 'boolean') throw mustBe('true or false');
      return String(value);
    case 'list':
      if (!isTextList(value)) throw mustBe('a list of texts that is not empty');
      return value.join(',');
    default:
      throw mustBe('text');
  }
}
