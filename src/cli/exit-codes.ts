import { CommanderError } from 'commander';

/** How the command line ends; `--help` and `docs/command-line.md` say the same. */
export const EXIT = { ok: 0, refused: 1, usage: 2, unreachable: 3 } as const;

/** No connection in time, or no reply. */
export class Unreachable extends Error {}

/** What Commander cannot find out by itself. */
export class WrongUsage extends Error {}

export function exitCodeOf(error: unknown): number {
  // Help and version end that way too, with 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof WrongUsage) return EXIT.usage;
  return error instanceof Unreachable ? EXIT.unreachable : EXIT.refused;
}
