/** How an action and its parts are written in each place. */
export interface ActionNames {
  /** `reboot/schedule` */
  action: string;
  /** `reboot`: the folder and the beginning of its files */
  resource: string;
  /** `schedule-reboot`: its dto's file */
  dtoFile: string;
  /** `Reboot` */
  resourceClass: string;
  /** `ScheduleRebootDto` */
  dtoClass: string;
  /** `schedule` */
  method: string;
}

const PART = '[a-z][a-z0-9]*(?:-[a-z0-9]+)*';
const ACTION = new RegExp(`^(${PART})/(${PART})$`);
const LONGEST = 64;

/** What Nest or JavaScript calls by itself. */
const TAKEN_METHODS = [
  'onModuleInit',
  'onApplicationBootstrap',
  'onModuleDestroy',
  'beforeApplicationShutdown',
  'onApplicationShutdown',
  // It would be waited for like a promise.
  'then',
  // The controller's own property.
  'devices',
  ...Object.getOwnPropertyNames(Object.prototype),
];

/**
 * @param action a resource and a verb, like `reboot/schedule` or `power-supply/switch-off`
 * @throws where it cannot be a name of files, classes and a method; the text says what can
 */
export function namesOf(action: string): ActionNames {
  const [, resource, verb] = ACTION.exec(action) ?? [];
  if (resource === undefined || verb === undefined || action.length > LONGEST) {
    throw new Error(
      `${JSON.stringify(action)} is no name for an action: it is a resource and a verb like reboot/schedule, ` +
        `each of small letters, digits and single dashes, beginning with a letter, ${LONGEST} characters in all`,
    );
  }
  const method = camel(verb);
  // A decorator of ours is called ActionController.
  const taken = resource === 'action' ? resource : TAKEN_METHODS.includes(method) && verb;
  if (taken) {
    throw new Error(
      `${JSON.stringify(action)} is no name for an action: the code has another meaning for ${taken}, choose another word`,
    );
  }
  const resourceClass = pascal(resource);
  return {
    action,
    resource,
    dtoFile: `${verb}-${resource}`,
    resourceClass,
    dtoClass: `${pascal(verb)}${resourceClass}Dto`,
    method,
  };
}

const camel = (name: string) => name.replace(/-(.)/g, (_dash, letter: string) => letter.toUpperCase());
const pascal = (name: string) => camel(`-${name}`);
