import 'reflect-metadata';
import { readFileSync, writeFileSync } from 'node:fs';
import { actionsOf } from './actions/handlers.js';
import { actionModules } from './actions/index.js';
import { responseTopic } from './protocol/topics.js';

export const ACL_FILE = 'deploy/mosquitto/acl';

const REPLIES = /^(# BEGIN replies.*\n)[^]*?^(?=# END replies)/m;

/**
 * An ACL of Mosquitto with the lines that let each client read its own replies: one for each action, since a wildcard
 * stands for whole levels only, and one for requests without a usable action. What is outside the marks stays.
 * @throws where the marks are missing
 */
export function withReplies(acl: string, actions: readonly string[]): string {
  if (!REPLIES.test(acl)) throw new Error('there are no lines "# BEGIN replies" and "# END replies"');
  const lines = [null, ...actions.toSorted()].map(
    (action) => `pattern read ${responseTopic(action, '%c')}\n`,
  );
  return acl.replace(REPLIES, (_block, begin: string) => begin + lines.join(''));
}

/** @param file an ACL of one's own, or the one in the repository */
function rewrite(file = ACL_FILE): void {
  try {
    writeFileSync(file, withReplies(readFileSync(file, 'utf8'), actionsOf(actionModules)));
    process.stdout.write(`Wrote the replies' part of ${file}\n`);
  } catch (error) {
    process.stderr.write(`Cannot write ${file}: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}

// The tests import it.
if (process.argv[1] === import.meta.filename) rewrite(process.argv[2]);
