import { describe, expect, it } from 'vitest';
import { checkLedger, checkUnanswered } from './check.js';
import { type Answer, type Content, type Field, Ledger, type LedgerRequest } from './ledger.js';

const versionAt = (ms: number) => new Date(Date.UTC(2030, 0, 1) + ms).toISOString().slice(0, -1);

/** Of a command whose fields have these values; a text alone is the status. */
type Values = string | null | Partial<Record<Field, string | null>>;
function row(id: number, values: Values, updatedAt: number, more: Partial<Content> = {}): Content {
  const {
    status = null,
    result = null,
    parameters = null,
  } = values === null || typeof values === 'string' ? { status: values } : values;
  const by = (value: string | null) => (value === null ? null : { by: value });
  return {
    id,
    command: 'led/on',
    timestamp: versionAt(0),
    lastUpdated: versionAt(updatedAt),
    userId: 1,
    deviceId: 'lamp',
    networkId: 1,
    deviceTypeId: 1,
    parameters: by(parameters),
    lifetime: null,
    status,
    result: by(result),
    ...more,
  };
}

/** A history by hand. Times are milliseconds, for clients and database the same. */
class History {
  readonly ledger = new Ledger();
  private readonly lastNumbers = new Map<string, number>();

  update(commandId: number, sentAt: number, client = 'a', fields: Field[] = ['status']): LedgerRequest {
    return this.request({ action: 'command/update', commandId, fields }, sentAt, client);
  }

  insert(sentAt: number, client = 'a'): LedgerRequest {
    return this.request({ action: 'command/insert', fields: ['status'] }, sentAt, client);
  }

  answer(request: LedgerRequest, answeredAt: number, answer: Partial<Answer> = {}): void {
    const { action, requestId, commandId } = request;
    const whole = { status: 'success', commandId: answer.commandId ?? commandId, ...answer, at: answeredAt };
    const { status, code } = whole;
    const text = JSON.stringify({ action, requestId, status, code, command: answer.commandId });
    request.acknowledgedAt ??= answeredAt;
    request.answers.push({ text, ...whole });
  }

  refuse(request: LedgerRequest, answeredAt: number, code: number, error = ''): void {
    this.answer(request, answeredAt, { status: 'error', code, error });
  }

  event(id: number, values: Values, updatedAt: number, more: Partial<Content> = {}): void {
    this.ledger.events.push({ watcher: 'w', at: updatedAt, content: row(id, values, updatedAt, more) });
  }

  fault(from: number, to: number): void {
    this.ledger.faults.push({ from, to });
  }

  /** All that watchers saw last of each command. */
  get rows(): Content[] {
    const last = new Map<number, Content>();
    for (const { content } of this.ledger.events) {
      const known = last.get(content.id);
      if (!known || known.lastUpdated < content.lastUpdated) last.set(content.id, content);
    }
    return [...last.values()];
  }

  private request(
    about: Pick<LedgerRequest, 'action' | 'commandId' | 'fields'>,
    sentAt: number,
    clientId: string,
  ): LedgerRequest {
    const number = (this.lastNumbers.get(clientId) ?? 0) + 1;
    this.lastNumbers.set(clientId, number);
    const names = { requestId: `${clientId}/${number}`, value: `${clientId}-${number}` };
    const request: LedgerRequest = { ...about, ...names, clientId, deviceId: 'lamp', sentAt, answers: [] };
    this.ledger.requests.push(request);
    return request;
  }
}

/** Three updates of command 7, each sent once the one before is answered, all seen by a watcher. */
function rightHistory(): { history: History; updates: LedgerRequest[] } {
  const history = new History();
  const updates = [0, 10, 20].map((sentAt) => {
    const request = history.update(7, sentAt);
    history.event(7, request.value, sentAt + 3);
    history.answer(request, sentAt + 5);
    return request;
  });
  return { history, updates };
}

const witnesses = ['w'];
const check = (history: History, rows = history.rows) => checkLedger(history.ledger, rows, { witnesses });

describe('A right history', () => {
  it('violates nothing', () => {
    expect(check(rightHistory().history)).toEqual([]);
  });

  it('may end with either of two requests that were open at the same time', () => {
    for (const order of [
      [0, 1],
      [1, 0],
    ]) {
      const history = new History();
      const both = [history.update(7, 0, 'a'), history.update(7, 1, 'b')];
      for (const [i, n] of order.entries()) history.event(7, both[n]!.value, 3 + i);
      for (const request of both) history.answer(request, 9);
      expect(check(history)).toEqual([]);
    }
  });

  it('may have requests that write some fields, in an order that each field keeps', () => {
    const history = new History();
    const [first, second] = [
      history.update(7, 0, 'a', ['status', 'result']),
      history.update(7, 0, 'b', ['status']),
    ];
    history.event(7, { status: 'b-1', result: 'a-1' }, 3);
    for (const request of [first, second]) history.answer(request, 9);
    history.fault(1, 2);
    expect(check(history)).toEqual([]);
  });

  it('may end with a request that nobody answered yet', () => {
    const { history } = rightHistory();
    const open = history.update(7, 21);
    history.fault(25, 40);
    expect(check(history)).toEqual([]);
    history.event(7, open.value, 30);
    expect(check(history)).toEqual([]);
  });

  it('has one number under two clients, and the same event at two watchers', () => {
    const { history } = rightHistory();
    const other = history.update(8, 2, 'b');
    history.answer(other, 8);
    history.event(8, other.value, 6);
    history.ledger.events.push(...history.ledger.events.map((event) => ({ ...event, watcher: 'v' })));
    expect(check(history)).toEqual([]);
  });

  it('has the same answer twice after a fault, and an insert that is told of again and then updated', () => {
    const history = new History();
    const insert = history.insert(0);
    const command = insert.value;
    history.fault(4, 40);
    for (const answeredAt of [5, 50]) {
      history.answer(insert, answeredAt, { commandId: 9 });
      history.event(9, insert.value, 3, { command });
    }
    const update = history.update(9, 60);
    history.answer(update, 70);
    history.event(9, update.value, 65, { command });
    expect(check(history)).toEqual([]);
  });

  it('has requests that the broker did not take, and nobody answered', () => {
    const { history } = rightHistory();
    history.update(7, 30);
    history.fault(30, 40);
    expect(check(history)).toEqual([]);
  });

  it('has requests that a killed broker lost', () => {
    const { history } = rightHistory();
    const lost = history.update(7, 30);
    lost.acknowledgedAt = 31;
    history.fault(30, 40);
    const mayBeLost = ({ acknowledgedAt }: LedgerRequest) => acknowledgedAt! < 40;
    expect(checkLedger(history.ledger, history.rows, { mayBeLost, witnesses })).toEqual([]);
  });

  it('has an event that was not sent in a fault, where one of a later version was', () => {
    const history = new History();
    const both = [history.update(7, 0), history.update(7, 1)];
    history.event(7, both[1]!.value, 8);
    for (const request of both) history.answer(request, 9);
    history.fault(4, 7);
    expect(check(history)).toEqual([]);
  });

  it('may have applied a request whose outcome is unknown', () => {
    const { history } = rightHistory();
    const unknown = history.update(7, 30);
    history.event(7, unknown.value, 33);
    history.refuse(unknown, 35, 503, 'Outcome unknown, it may have been applied');
    expect(check(history)).toEqual([]);
  });

  it('may have 20,000 requests', () => {
    const history = new History();
    const clients = Array.from({ length: 200 }, (_, i) => `c${i}`);
    for (const [i, client] of clients.entries()) {
      for (let n = 0; n < 100; n++) {
        const request = history.update(i % 2, n * 10, client);
        history.answer(request, n * 10 + 9);
        history.event(i % 2, request.value, n * 400 + i);
      }
    }
    expect(check(history)).toEqual([]);
  });
});

describe('The checker finds', () => {
  it('an update that is lost after its success', () => {
    const { history } = rightHistory();
    expect(check(history, [row(7, 'a-2', 13)])).toEqual([
      `I4 the last event of command 7 is of ${versionAt(23)}, its row of ${versionAt(13)}`,
      'I1 a/3: is done, but the status of command 7 ends with a/2, who was answered before it was sent',
    ]);
  });

  it('an update that left no trace at all', () => {
    const history = new History();
    history.answer(history.update(7, 0), 5);
    history.answer(history.update(8, 10), 15);
    history.fault(0, 20);
    expect(check(history, [row(7, null, 0)])).toEqual([
      'I4 no event tells of command 7',
      "I1 a/1: is done, but the status of command 7 ends with nobody's value null",
      'I1 a/2: tells of command 8, which has no row',
    ]);
  });

  it('an update that no event tells of, where only that of another one may be lost', () => {
    const history = new History();
    const [first, second] = [history.update(7, 0), history.update(8, 10)];
    history.answer(first, 5);
    history.answer(second, 15);
    history.fault(12, 20);
    const rows = [row(7, first.value, 4), row(8, second.value, 14)];
    const mayBeLost = (request: LedgerRequest) => request === second;
    const found = checkLedger(history.ledger, rows, { mayBeLost });
    expect(found).toEqual(['I4 no event tells of command 7']);
  });

  it('an update that a broker acknowledged which acknowledges only what is committed', () => {
    const { history } = rightHistory();
    history.update(7, 24).acknowledgedAt = 25;
    history.fault(24, 30);
    const options = { witnesses, mayBeLost: () => true };
    expect(checkLedger(history.ledger, history.rows, options)).toEqual([]);
    expect(checkLedger(history.ledger, history.rows, { ...options, acknowledgesCommits: true })).toEqual([]);
    history.update(7, 31).acknowledgedAt = 32;
    history.fault(31, 33);
    expect(checkLedger(history.ledger, history.rows, { ...options, acknowledgesCommits: true })).toEqual([
      'I1 a/5: is done, but the status of command 7 ends with a/3, who was answered before it was sent',
    ]);
  });

  it('a value in the row of another command', () => {
    const history = new History();
    for (const id of [7, 8]) history.answer(history.update(id, id), 20);
    for (const id of [7, 8]) history.event(id, 'a-2', 10);
    expect(check(history)).toContain('I1 a/1: is done, but the status of command 7 ends with a/2');
  });

  it('a request that came again after a newer one and overwrote it', () => {
    const { history, updates } = rightHistory();
    history.event(7, 'a-1', 30);
    history.answer(updates[0]!, 32);
    history.fault(4, 25);
    expect(check(history)).toEqual([
      'I1 a/3: is done, but the status of command 7 ends with a/1, who was answered before it was sent',
      `I2 a/1: its value is back in the status of command 7 at ${versionAt(30)}, after a/3`,
    ]);
  });

  it('a value that is back for a moment, which the final row does not show', () => {
    const { history } = rightHistory();
    history.event(7, 'a-1', 14);
    history.fault(0, 1);
    expect(check(history)).toEqual([
      `I2 a/1: its value is back in the status of command 7 at ${versionAt(14)}, after a/2`,
    ]);
  });

  it('an update that was stored before one that was answered before it was sent', () => {
    const history = new History();
    const requests = [0, 10].map((sentAt) => history.update(7, sentAt));
    history.event(7, 'a-2', 2);
    history.event(7, 'a-1', 4);
    for (const request of requests) history.answer(request, request.sentAt + 5);
    expect(check(history)).toContain(
      'I2 a/2: in the status of command 7 its value comes before that of a/1, who was answered before it was sent',
    );
  });

  it('a request that was applied in part', () => {
    const history = new History();
    history.answer(history.update(7, 0, 'a', ['status', 'result']), 5);
    history.event(7, { status: 'a-1' }, 3);
    history.event(7, { status: 'a-1', result: 'a-1' }, 4);
    expect(check(history)).toEqual([
      "I3 a/1: no order of whole requests gives command 7, for a/1 < nobody's value null < it",
    ]);
  });

  it('two requests that each overwrote the other', () => {
    const history = new History();
    for (const client of ['a', 'b']) history.answer(history.update(7, 0, client, ['status', 'result']), 9);
    history.event(7, { status: 'a-1', result: 'b-1' }, 3);
    expect(check(history)).toEqual([
      'I3 a/1: no order of whole requests gives command 7, for a/1 < b/1 < it',
    ]);
  });

  it('a request that takes effect in one field after a state that shows it as overwritten in the other', () => {
    const history = new History();
    for (const client of ['a', 'b']) history.answer(history.update(7, 0, client, ['status', 'result']), 9);
    history.answer(history.update(7, 0, 'c', ['status']), 9);
    history.event(7, { status: 'a-1', result: 'a-1' }, 3);
    history.event(7, { status: 'c-1', result: 'b-1' }, 5);
    expect(check(history)).toEqual([]);
    history.event(7, { status: 'c-1', result: 'a-1' }, 4);
    expect(check(history)).toEqual([
      'I3 c/1: no order of whole requests gives command 7, for c/1 < b/1 < it',
    ]);
  });

  it('two contents of one version, of two events and of an event and the row', () => {
    const { history } = rightHistory();
    history.event(7, 'a-2', 13, { command: 'led/off' });
    expect(check(history, [row(7, 'a-3', 23, { networkId: 2, lifetime: 5 })])).toEqual([
      `I4 command 7 has two contents at ${versionAt(13)}, by command`,
      `I4 command 7 has two contents at ${versionAt(23)}, by networkId, lifetime`,
    ]);
  });

  it('a last version that no event tells', () => {
    const { history } = rightHistory();
    history.ledger.events.pop();
    expect(check(history, [row(7, 'a-3', 23)])).toEqual([
      `I4 the last event of command 7 is of ${versionAt(13)}, its row of ${versionAt(23)}`,
      'I9 a/3: no event tells w of it',
    ]);
  });

  it('a request without an answer', () => {
    const { history } = rightHistory();
    const taken = history.update(7, 30);
    expect(check(history)).toEqual(['I5 a/4: has no answer']);
    taken.acknowledgedAt = 31;
    history.fault(30, 40);
    expect(check(history)).toEqual(['I5 a/4: has no answer']);
  });

  it('a second answer without a fault, and one that came only when asked again', () => {
    const { history, updates } = rightHistory();
    history.answer(updates[2]!, 26);
    updates[1]!.isAskedAgain = true;
    const found = [
      'I5 a/2: is answered only when asked again, without a fault',
      'I5 a/3: has 2 answers, without a fault',
    ];
    expect(check(history)).toEqual(found);
    history.fault(13, 22);
    expect(check(history)).toEqual([]);
  });

  it('two different answers', () => {
    const { history, updates } = rightHistory();
    history.answer(updates[2]!, 26, { status: 'error', code: 404, text: '{"code":404}' });
    history.fault(22, 25);
    expect(check(history)).toEqual([`I5 a/3: answered ${updates[2]!.answers[0]!.text}, then {"code":404}`]);
  });

  it('a reply that answers nothing its receiver asked', () => {
    const { history } = rightHistory();
    history.ledger.strays.push('b: {"requestId":1}');
    expect(check(history)).toEqual(['I11 b: {"requestId":1}: answers no request of its receiver']);
  });

  it('an insert that is acknowledged, and neither applied nor answered', () => {
    const history = new History();
    const insert = history.insert(0);
    expect(checkUnanswered(history.ledger, [])).toEqual([]);
    insert.acknowledgedAt = 1;
    expect(checkUnanswered(history.ledger, [row(9, 'a-1', 3, { command: 'a-1' })])).toEqual([]);
    expect(checkUnanswered(history.ledger, [])).toEqual([
      'I7 a/1: is acknowledged, and neither applied nor answered',
    ]);
  });

  it('a refused request that somebody sees', () => {
    const { history } = rightHistory();
    const refused = history.update(7, 30);
    history.refuse(refused, 35, 404);
    expect(check(history)).toEqual([]);
    history.event(7, refused.value, 33);
    expect(check(history)).toEqual(['I6 a/4: is refused with 404, and applied']);
  });

  it('a success that has to be refused', () => {
    const { history, updates } = rightHistory();
    updates[0]!.isInvalid = true;
    expect(check(history)).toEqual(['I6 a/1: is invalid, and a success']);
  });

  it('an answer later than 5 s after the end of the fault, or after a PUBACK that came later still', () => {
    for (const end of [1_000, 1_001]) {
      const { history } = rightHistory();
      const [first, second] = [history.update(7, 30), history.update(7, 30)];
      first.acknowledgedAt = 31;
      second.acknowledgedAt = 2_000;
      history.event(7, first.value, 6_000);
      history.event(7, second.value, 6_990);
      history.answer(first, 6_001);
      history.answer(second, 6_999);
      history.fault(30, end);
      expect(check(history)).toEqual(end === 1_000 ? ['I7 a/4: answered after 5001 ms'] : []);
    }
  });

  it('two rows for one insert, even where the second is told to nobody', () => {
    const history = new History();
    const insert = history.insert(0);
    const command = insert.value;
    history.event(9, insert.value, 3, { command });
    history.answer(insert, 5, { commandId: 9 });
    expect(check(history, [...history.rows, row(10, insert.value, 4, { command })])).toEqual([
      'I8 a/1: made the rows 9, 10',
      'I8 a/1: is told of as 9, 10',
    ]);
  });

  it('an insert that answers or events know under another id, or that made no row', () => {
    const history = new History();
    const [first, second] = [history.insert(0), history.insert(1)];
    history.answer(first, 5, { commandId: 9 });
    history.event(10, first.value, 3, { command: first.value });
    history.answer(second, 6, { commandId: 11 });
    expect(check(history, [row(9, first.value, 3, { command: first.value })])).toEqual([
      'I8 a/1: is told of as 9, 10',
      'I8 a/2: made no row, answered 11',
      'I4 no event tells of command 9',
      'I1 a/2: tells of command 11, which has no row',
      'I1 an event: tells of command 10, which has no row',
      'I9 a/2: no event tells w of it',
    ]);
  });

  it('a success that no event tells, though a later version is told', () => {
    const { history } = rightHistory();
    history.ledger.events.splice(1, 1);
    expect(check(history)).toEqual(['I9 a/2: no event tells w of it']);
  });

  it('pipelined updates of one client that changed places', () => {
    const history = new History();
    const both = [history.update(7, 0), history.update(7, 0)];
    history.event(7, 'a-2', 3);
    history.event(7, 'a-1', 4);
    for (const request of both) history.answer(request, 9);
    expect(check(history)).toEqual(['I10 a/2: changed command 7 before a/1, sent earlier']);
  });

  it('an event of a device that its watcher must not see any more', () => {
    const { history } = rightHistory();
    const seen = (at: number) =>
      checkLedger(history.ledger, history.rows, { revocations: [{ who: 'w', deviceId: 'lamp', at }] });
    expect(seen(23 - 1_000)).toEqual([]);
    expect(seen(22 - 1_000)).toEqual([`I11 w: is told of command 7 at ${versionAt(23)}, of device lamp`]);
  });

  it('a request that is applied though its right was taken away', () => {
    const { history } = rightHistory();
    const applied = (at: number) =>
      checkLedger(history.ledger, history.rows, { revocations: [{ who: 'a', deviceId: 'lamp', at }] });
    expect(applied(20 - 1_000)).toEqual([]);
    expect(applied(19 - 1_000)).toEqual(['I12 a/3: is applied, its right was taken away before it was sent']);
  });
});
