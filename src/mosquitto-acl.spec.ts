import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ACL_FILE, withReplies } from './mosquitto-acl.js';
import { actionsOf } from './actions/handlers.js';
import { actionModules } from './actions/index.js';

describe('The ACL for Mosquitto', () => {
  it('lets clients read the replies of every installed action', () => {
    const acl = readFileSync(ACL_FILE, 'utf8');
    expect(acl, `Write ${ACL_FILE} again: npm run mosquitto:acl`).toBe(
      withReplies(acl, actionsOf(actionModules)),
    );
    expect(acl).toContain('\npattern read dh/response/command/update@%c\n');
    expect(acl).toContain('\npattern read dh/response/@%c\n');
  });

  it('is written between its marks, and stays as it is outside', () => {
    const acl = (lines: string) =>
      `user a\ntopic b\n# BEGIN replies, by hand\n${lines}# END replies\nuser c\n`;
    const written = acl(
      'pattern read dh/response/@%c\npattern read dh/response/$a@%c\npattern read dh/response/b/c@%c\n',
    );
    expect(withReplies(acl('pattern read old\n'), ['b/c', '$a'])).toBe(written);
    expect(withReplies(acl(''), ['b/c', '$a'])).toBe(written);
    expect(() => withReplies('user a\n', [])).toThrow('no lines "# BEGIN replies"');
  });
});
