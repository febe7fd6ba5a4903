import 'reflect-metadata';
import { beforeEach, describe, expect, it } from 'vitest';
import { EventIndex, FilterSet, NOBODY } from '../subscriptions/event-index.js';
import type { EventSubscriptions } from '../subscriptions/event-subscriptions.js';
import { CONNECTION_LIMITS, FilterBudget } from '../subscriptions/filter-budget.js';
import type { AedesClient } from './aedes-client.js';
import { Connection } from './connection.js';
import type { PacketReader } from './packet-reader.js';
import type { Reading } from './reading.js';

const CLIENT = { unsubscribe: () => {} } as unknown as AedesClient;

let connection: Connection;

beforeEach(() => {
  connection = newConnection();
});

function newConnection(): Connection {
  const filters = new FilterSet(new EventIndex(), NOBODY, '@x', new FilterBudget(CONNECTION_LIMITS));
  const [reader, subscriptions, reading] = [{} as PacketReader, {} as EventSubscriptions, {} as Reading];
  return new Connection({ ...CLIENT }, reader, '127.0.0.1', filters, subscriptions, reading);
}

const names = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}/${i}`);
/** How many of so many filters are granted. */
function grant(name: string, count: number, isRestored = false): number {
  return names(name, count).filter((filter) => connection.addFilter(filter, 1, isRestored)).length;
}
function unsubscribe(name: string, count: number): void {
  for (const filter of names(name, count)) connection.removeFilter(filter);
}
const held = () => [...connection.filters].length;

describe('a client that has not authenticated', () => {
  it('holds 20 filters, and others in place of those that it unsubscribes from', () => {
    expect([grant('a', 30), grant('a', 20), grant('b', 1)]).toEqual([20, 20, 0]);
    unsubscribe('a', 5);
    expect([grant('b', 30), held()]).toEqual([5, 20]);
  });

  it('holds 20 filters beside those of the stored session', () => {
    expect([grant('stored', 30, true), grant('a', 30), held()]).toEqual([30, 20, 50]);
  });

  it('holds 20 filters if it subscribes to those of the stored session again, and the others stay the session’s', () => {
    grant('stored', 30, true);
    expect([grant('stored', 30), grant('a', 20), held()]).toEqual([20, 0, 30]);
    unsubscribe('stored', 30);
    expect([grant('stored', 30), held()]).toEqual([20, 20]);
  });

  it('subscribes to its replies though the stored session has 1,000 filters', () => {
    expect([grant('stored', 1_000, true), grant('a', 30)]).toEqual([1_000, 20]);
  });
});

describe('a client that authenticates', () => {
  it('holds 1,000 filters, those from before among them', () => {
    grant('a', 20);
    connection.authenticated();
    expect([grant('a', 20), grant('b', 1_000), held()]).toEqual([20, 980, 1_000]);
    unsubscribe('a', 20);
    unsubscribe('b', 980);
    expect([held(), grant('c', 1_100)]).toEqual([0, 1_000]);
  });

  it('counts as authenticated from then on, also when its token has expired or it authenticates again', () => {
    grant('a', 20);
    connection.authenticated();
    connection.authenticated();
    expect(grant('b', 1_000)).toBe(980);
  });

  it('to whom the stored session does not belong keeps of it what it has subscribed to itself', () => {
    grant('stored', 40, true);
    grant('stored', 20);
    connection.authenticated();
    connection.giveBackRestored();
    expect([held(), grant('b', 1_000), held()]).toEqual([20, 980, 1_000]);
  });

  it('keeps the filters of a full session and those from before, and all come back with its session', () => {
    grant('stored', 1_000, true);
    grant('a', 20);
    connection.authenticated();
    expect([held(), grant('b', 1)]).toEqual([1_020, 0]);
    const session = [...connection.filters];
    connection = newConnection();
    for (const [filter, qos] of session) expect(connection.addFilter(filter, qos, true)).toBe(true);
    expect([held(), grant('b', 1), grant('a', 20)]).toEqual([1_020, 0, 20]);
    connection.authenticated();
    unsubscribe('stored', 1_000);
    expect([grant('b', 1_100), held()]).toEqual([1_000, 1_020]);
  });
});
