import { describe, expect, it } from 'vitest';
import {
  ORIGINAL_ACTIONS,
  ORIGINAL_TOPICS,
  originalActionsOf,
  ROWS,
  testedRows,
} from './support/compatibility.js';

const titlesOf = (table: string) => ROWS.filter((one) => one.table === table).map(({ title }) => title);

describe('docs/compatibility.md', () => {
  it('has a test for each row, and a row for each test', () => {
    const documented = ROWS.map(({ table, title }) => `${table}: ${title}`);
    expect(testedRows().toSorted()).toEqual(documented.toSorted());
  });

  it('names every action of the original once', () => {
    const named = titlesOf('Actions').flatMap(originalActionsOf);
    expect(named.toSorted()).toEqual(ORIGINAL_ACTIONS.toSorted());
  });

  it.each(ORIGINAL_TOPICS)('names the topic %s of the original', (topic) => {
    expect(titlesOf('Topics').filter((title) => title.includes(topic))).not.toEqual([]);
  });

  it('says of each row how it compares, and what differs where something does', () => {
    const compared = ROWS.filter(({ table }) => table !== 'Errors');
    expect(new Set(compared.map(({ status }) => status))).toEqual(
      new Set(['same', 'better', 'different', 'not yet']),
    );
    const unsaid = compared.filter(
      ({ status, difference }) => /better|different/.test(status!) && !difference,
    );
    expect(unsaid).toEqual([]);
  });
});
