import { hash } from 'node:crypto';
import type { RequestKey } from '../../transport/request-key.js';
import type { CommandFields } from './device-command.js';

/** A request that can be recognised when it comes again. */
export interface Fingerprint {
  /** who sent it under which `requestId`, 8 bytes */
  key: Buffer;
  /** what it asks for, 8 bytes: another content under the same key is another request */
  content: Buffer;
}

/** What a repeat has in common with the first: not the token, which may have been renewed in between. */
export function fingerprintOf(
  { clientId, requestId }: RequestKey,
  userId: number,
  request: { deviceId: string; commandId?: number; command: CommandFields },
): Fingerprint {
  const { command, timestamp, parameters, lifetime, status, result } = request.command;
  const fields = [command, timestamp, parameters?.text, lifetime, status, result?.text];
  return {
    key: digest([clientId, userId, requestId]),
    content: digest([request.deviceId, request.commandId, ...fields]),
  };
}

function digest(parts: unknown[]): Buffer {
  return hash('sha256', JSON.stringify(parts), 'buffer').subarray(0, 8);
}
