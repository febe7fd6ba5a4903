/** Milliseconds of a clock that never runs backwards: all times of a ledger. */
export const now = (): number => performance.now();

/** What requests write, each with their own value: the status as it is, the others as `{"by": value}`. */
export type Field = 'status' | 'result' | 'parameters';
export const FIELDS: readonly Field[] = ['status', 'result', 'parameters'];

export interface Answer {
  at: number;
  status: string;
  code?: number;
  error?: string;
  /** of the command that an insert made */
  commandId?: number;
  /** the whole reply */
  text: string;
}

/** One request under one `requestId`, however often it is sent. */
export interface LedgerRequest {
  clientId: string;
  /** `<client id>/<number>`: nobody else has it, so that a reply of somebody else is known as such */
  requestId: string;
  action: 'command/update' | 'command/insert';
  deviceId: string;
  /** the command to update; what an insert made is in its answers */
  commandId?: number;
  /** nobody else writes it: into each of `fields`, and in an insert into the command's name too */
  value: string;
  fields: readonly Field[];
  /** has to be refused */
  isInvalid?: boolean;
  /** when it was first handed to the client library, which may be before it leaves */
  sentAt: number;
  /** when the broker's PUBACK was here */
  acknowledgedAt?: number;
  /** sent again after its PUBACK, because nothing was answered */
  isAskedAgain?: boolean;
  answers: Answer[];
}

/** A command as events show it, and as a final row is read: twelve fields. */
export interface Content {
  id: number;
  command: string | null;
  timestamp: string;
  lastUpdated: string;
  userId: number | null;
  deviceId: string;
  networkId: number;
  deviceTypeId: number;
  parameters: { by?: string } | null;
  lifetime: number | null;
  status: string | null;
  result: { by?: string } | null;
}

export interface LedgerEvent {
  watcher: string;
  at: number;
  content: Content;
}

/** When something was broken: from before the blow until it was over. */
export interface Fault {
  from: number;
  to: number;
}

/** What clients and watchers saw, for `checkLedger`. */
export class Ledger {
  readonly requests: LedgerRequest[] = [];
  readonly events: LedgerEvent[] = [];
  /** replies that answer no request of their receiver */
  readonly strays: string[] = [];
  readonly faults: Fault[] = [];
}

/** Whose value a field has; nobody's is `null`. */
export function valueOf(content: Content, field: Field): string | null {
  return field === 'status' ? content.status : (content[field]?.by ?? null);
}

/** `undefined` for an insert that nobody answered. */
export function commandOf({ commandId, answers }: LedgerRequest): number | undefined {
  return commandId ?? answers.find(isSuccess)?.commandId;
}

/** Of the first answer. */
export function answeredAt({ answers }: LedgerRequest): number {
  return answers[0]?.at ?? Infinity;
}

export function isSuccess({ status }: Answer): boolean {
  return status === 'success';
}

/** Errors that only a fault can account for. */
export function refusalsIn({ requests }: Ledger): Answer[] {
  const valid = requests.filter(({ isInvalid }) => !isInvalid);
  return valid.flatMap(({ answers }) => answers.filter((answer) => !isSuccess(answer)));
}

/** Whether a request was on its way at a time when something was broken. */
export function wasHit({ faults }: Ledger, request: LedgerRequest): boolean {
  return faults.some(({ from, to }) => request.sentAt <= to && answeredAt(request) >= from);
}

export function addTo<K, V>(groups: Map<K, V[]>, key: K, value: V): void {
  const group = groups.get(key);
  if (group) group.push(value);
  else groups.set(key, [value]);
}
