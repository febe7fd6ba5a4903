/** Why the broker ends a client's connection. The message begins with a verb whose subject is the client. */
export class Disconnection extends Error {}
