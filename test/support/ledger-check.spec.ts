import { describe, expect, it } from 'vitest';
import { checkLedger, type FinalRow } from './ledger-check.js';
import { type Answer, Ledger, type LedgerRequest } from './ledger.js';

const at = (ms: number) => new Date(Date.UTC(2030, 0, 1) + ms);
const versionAt = (ms: number) => at(ms).toISOString().slice(0, -1);
const row = (id: number, status: string | null, updatedAt: number, command = 'led/on'): FinalRow => ({
  id: String(id),
  command,
  status,
  last_updated: at(updatedAt),
});

/** A history by hand. Times are milliseconds, for clients and database the same. */
class History {
  readonly ledger = new Ledger();
  private readonly lastIds = new Map<string, number>();

  update(commandId: number, sentAt: number, client = 'a'): LedgerRequest {
    return this.request({ action: 'command/update', commandId }, sentAt, client);
  }

  insert(sentAt: number, client = 'a'): LedgerRequest {
    return this.request({ action: 'command/insert' }, sentAt, client);
  }

  answer(request: LedgerRequest, answeredAt: number, answer: Partial<Answer> = {}): void {
    const { action, requestId, commandId } = request;
    const whole = { status: 'success', commandId: answer.commandId ?? commandId, ...answer, at: answeredAt };
    const { status, code } = whole;
    const text = JSON.stringify({ action, requestId, status, code, command: answer.commandId });
    request.acknowledgedAt ??= answeredAt;
    request.answers.push({ text, ...whole });
  }

  event(id: number, status: string | null, updatedAt: number, command = 'led/on'): void {
    const lastUpdated = versionAt(updatedAt);
    const text = JSON.stringify({ id, command, status, lastUpdated });
    this.ledger.events.push({ watcher: 'w', at: updatedAt, id, lastUpdated, command, status, text });
  }

  private request(
    about: Pick<LedgerRequest, 'action' | 'commandId'>,
    sentAt: number,
    clientId: string,
  ): LedgerRequest {
    const requestId = (this.lastIds.get(clientId) ?? 0) + 1;
    this.lastIds.set(clientId, requestId);
    const value = `${clientId}-${requestId}`;
    const request = { ...about, clientId, requestId, value, sentAt, answers: [] };
    this.ledger.requests.push(request);
    return request;
  }
}

/** Three updates of command 7, each sent once the one before is answered, all seen by a watcher. */
function rightHistory(): { history: History; updates: LedgerRequest[]; rows: FinalRow[] } {
  const history = new History();
  const updates = [0, 10, 20].map((sentAt) => {
    const request = history.update(7, sentAt);
    history.event(7, request.value, sentAt + 3);
    history.answer(request, sentAt + 5);
    return request;
  });
  return { history, updates, rows: [row(7, updates[2]!.value, 23)] };
}

describe('A right history', () => {
  it('violates nothing', () => {
    const { history, rows } = rightHistory();
    expect(checkLedger(history.ledger, rows)).toEqual([]);
  });

  it('may end with either of two requests that were open at the same time', () => {
    for (const last of [0, 1]) {
      const history = new History();
      const both = [history.update(7, 0, 'a'), history.update(7, 1, 'b')];
      for (const request of both) history.answer(request, 9);
      expect(checkLedger(history.ledger, [row(7, both[last]!.value, 5)])).toEqual([]);
    }
  });

  it('may end with a request that nobody answered yet', () => {
    const { history, rows } = rightHistory();
    const open = history.update(7, 1);
    expect(checkLedger(history.ledger, [row(7, open.value, 30)], { faultEndedAt: 40 })).toEqual([]);
    expect(checkLedger(history.ledger, rows, { faultEndedAt: 40 })).toEqual([]);
  });

  it('has one request id under two clients, and the same event at two watchers', () => {
    const { history, rows } = rightHistory();
    const other = history.update(8, 2, 'b');
    history.answer(other, 8);
    history.event(8, other.value, 6);
    history.ledger.events.push(...history.ledger.events.map((event) => ({ ...event, watcher: 'v' })));
    expect(checkLedger(history.ledger, [...rows, row(8, other.value, 6)])).toEqual([]);
  });

  it('has the same answer twice after a fault, and an insert that is told of again and then updated', () => {
    const history = new History();
    const insert = history.insert(0);
    for (const answeredAt of [5, 50]) {
      history.answer(insert, answeredAt, { commandId: 9 });
      history.event(9, insert.value, 3, insert.value);
    }
    const update = history.update(9, 60);
    history.answer(update, 70);
    history.event(9, update.value, 65, insert.value);
    const rows = [row(9, update.value, 65, insert.value)];
    expect(checkLedger(history.ledger, rows, { faultEndedAt: 40 })).toEqual([]);
  });

  it('has requests that the broker did not take, and nobody answered', () => {
    const { history, rows } = rightHistory();
    history.update(7, 30);
    expect(checkLedger(history.ledger, rows, { faultEndedAt: 40 })).toEqual([]);
  });

  it('has requests that a killed broker lost', () => {
    const { history, rows } = rightHistory();
    const lost = history.update(7, 30);
    lost.acknowledgedAt = 31;
    const mayBeLost = ({ acknowledgedAt }: LedgerRequest) => acknowledgedAt! < 40;
    expect(checkLedger(history.ledger, rows, { faultEndedAt: 40, mayBeLost })).toEqual([]);
  });

  it('may have 20,000 requests', () => {
    const history = new History();
    const rows: FinalRow[] = [];
    const clients = Array.from({ length: 200 }, (_, i) => `c${i}`);
    for (const [i, client] of clients.entries()) {
      for (let n = 0; n < 100; n++) {
        const request = history.update(i % 2, n * 10, client);
        history.answer(request, n * 10 + 9);
        history.event(i % 2, request.value, n * 400 + i);
      }
    }
    for (const id of [0, 1]) rows.push(row(id, `c${198 + id}-100`, 99 * 400 + 198 + id));
    expect(checkLedger(history.ledger, rows)).toEqual([]);
  });
});

describe('The checker finds', () => {
  it('an update that is lost after its success', () => {
    const { history } = rightHistory();
    expect(checkLedger(history.ledger, [{ id: 7, command: 'led/on', status: 'a-2' }])).toEqual([
      'I1 a/3: answered success, but command 7 ends with a/2, who was answered before it was sent',
    ]);
  });

  it('an update that left no trace at all', () => {
    const history = new History();
    history.answer(history.update(7, 0), 5);
    history.answer(history.update(8, 10), 15);
    expect(checkLedger(history.ledger, [row(7, null, 0)])).toEqual([
      "I1 a/1: answered success, but command 7 ends with nobody's value null",
      'I1 a/2: answered success, but command 8 has no row',
    ]);
  });

  it('a value in the row of another command', () => {
    const history = new History();
    for (const id of [7, 8]) history.answer(history.update(id, id), 20);
    expect(checkLedger(history.ledger, [row(7, 'a-2', 10), row(8, 'a-2', 10)])).toEqual([
      'I1 a/1: answered success, but command 7 ends with a/2',
    ]);
  });

  it('a request that came again after a newer one and overwrote it', () => {
    const { history, updates } = rightHistory();
    history.event(7, 'a-1', 30);
    history.answer(updates[0]!, 32);
    expect(checkLedger(history.ledger, [row(7, 'a-1', 30)], { faultEndedAt: 25 })).toEqual([
      'I1 a/3: answered success, but command 7 ends with a/1, who was answered before it was sent',
      `I2 a/1: its value is back in command 7 at ${versionAt(30)}, after a/3`,
    ]);
  });

  it('a value that is back for a moment, which the final row does not show', () => {
    const { history, rows } = rightHistory();
    history.event(7, 'a-1', 14);
    expect(checkLedger(history.ledger, rows)).toEqual([
      `I2 a/1: its value is back in command 7 at ${versionAt(14)}, after a/2`,
    ]);
  });

  it('an update that was stored before one that was answered before it was sent', () => {
    const history = new History();
    const requests = [0, 10].map((sentAt) => history.update(7, sentAt));
    history.event(7, 'a-2', 2);
    history.event(7, 'a-1', 4);
    for (const request of requests) history.answer(request, request.sentAt + 5);
    expect(checkLedger(history.ledger, [])).toContain(
      'I2 a/2: in command 7 its value comes before that of a/1, who was answered before it was sent',
    );
  });

  it('two contents of one version, of two events and of an event and the row', () => {
    const { history } = rightHistory();
    history.event(7, 'a-2', 13, 'led/off');
    expect(checkLedger(history.ledger, [row(7, 'a-3', 23, 'led/off')])).toEqual([
      `I4 a/2 and a/2: two contents of command 7 at ${versionAt(13)}`,
      `I4 a/3 and a/3: two contents of command 7 at ${versionAt(23)}`,
    ]);
  });

  it('a request without an answer', () => {
    const { history, rows } = rightHistory();
    const taken = history.update(7, 30);
    taken.acknowledgedAt = 31;
    expect(checkLedger(history.ledger, rows, { faultEndedAt: 40 })).toEqual(['I5 a/4: has no answer']);
    taken.acknowledgedAt = undefined;
    expect(checkLedger(history.ledger, rows)).toEqual(['I5 a/4: has no answer']);
  });

  it('a second answer without a fault', () => {
    const { history, rows, updates } = rightHistory();
    history.answer(updates[2]!, 26);
    expect(checkLedger(history.ledger, rows)).toEqual(['I5 a/3: has 2 answers, without a fault']);
  });

  it('two different answers', () => {
    const { history, rows, updates } = rightHistory();
    history.answer(updates[2]!, 26, { status: 'error', code: 404, text: '{"code":404}' });
    expect(checkLedger(history.ledger, rows, { faultEndedAt: 25 })).toEqual([
      `I5 a/3: answered ${updates[2]!.answers[0]!.text}, then {"code":404}`,
    ]);
  });

  it('a reply that answers nothing its receiver asked', () => {
    const { history, rows } = rightHistory();
    history.ledger.strays.push('b: {"requestId":1}');
    expect(checkLedger(history.ledger, rows)).toEqual([
      'I5 b: {"requestId":1}: answers no request of its receiver',
    ]);
  });

  it('an answer later than 5 s after the end of the fault, or after a PUBACK that came later still', () => {
    const { history } = rightHistory();
    const [first, second] = [history.update(7, 30), history.update(7, 30)];
    first.acknowledgedAt = 31;
    second.acknowledgedAt = 2_000;
    history.answer(first, 6_001);
    history.answer(second, 6_999);
    const rows = [row(7, second.value, 6_990)];
    expect(checkLedger(history.ledger, rows, { faultEndedAt: 1_000 })).toEqual([
      'I7 a/4: answered after 5001 ms',
    ]);
    expect(checkLedger(history.ledger, rows, { faultEndedAt: 1_001 })).toEqual([]);
  });

  it('two rows for one insert, even where the second is told to nobody', () => {
    const history = new History();
    const insert = history.insert(0);
    history.answer(insert, 5, { commandId: 9 });
    const rows = [row(9, insert.value, 3, insert.value), row(10, insert.value, 4, insert.value)];
    expect(checkLedger(history.ledger, rows)).toEqual([
      'I8 a/1: made the rows 9, 10',
      'I8 a/1: is told of as 9, 10',
    ]);
  });

  it('an insert that answers or events know under another id, or that made no row', () => {
    const history = new History();
    const [first, second] = [history.insert(0), history.insert(1)];
    history.answer(first, 5, { commandId: 9 });
    history.event(10, first.value, 3, first.value);
    history.answer(second, 6, { commandId: 11 });
    expect(checkLedger(history.ledger, [row(9, first.value, 3, first.value)])).toEqual([
      'I8 a/1: is told of as 9, 10',
      'I8 a/2: made no row, answered 11',
      'I1 a/2: answered success, but command 11 has no row',
    ]);
  });
});
