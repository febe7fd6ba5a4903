import { setImmediate } from 'node:timers/promises';
import { JsonText, printJson } from '../../protocol/json-text.js';

/** Items of a list that are printed in one turn of the event loop: some 0.2 ms. */
const AT_A_TIME = 64;

/** Whether a member of a reply is a list that takes long to print. */
export function hasLongList(data: object): boolean {
  for (const member of Object.values(data)) if (isLong(member)) return true;
  return false;
}

/** Prints the long lists of a reply part by part, so that a page of 1,000 items keeps nobody else waiting. */
export async function printLongLists(data: object): Promise<object> {
  const printed: Record<string, unknown> = { ...data };
  for (const [name, member] of Object.entries(data)) {
    if (isLong(member)) printed[name] = await printInParts(member);
  }
  return printed;
}

async function printInParts(list: unknown[]): Promise<JsonText> {
  const parts: string[] = [];
  for (let at = 0; at < list.length; at += AT_A_TIME) {
    await setImmediate();
    parts.push(
      list
        .slice(at, at + AT_A_TIME)
        .map(printJson)
        .join(','),
    );
  }
  return new JsonText(`[${parts.join(',')}]`);
}

function isLong(member: unknown): member is unknown[] {
  return Array.isArray(member) && member.length > AT_A_TIME;
}
