import type { Command } from 'commander';
import { printJsonLine, printLine } from '../output.js';
import type { GlobalOptions } from '../session.js';

interface NewActionCommandOptions extends GlobalOptions {
  permission?: string;
  dir?: string;
  dryRun?: boolean;
}

/** `new:action` writes the files of an action module into the project in the working directory. */
export function addNewActionCommand(program: Command): void {
  program
    .command('new:action')
    .description('write a module with an action of your own, and its tests')
    .argument('<action>', 'a resource and a verb, like reboot/schedule')
    .option('--permission <name>', 'who may call it (default: Manage and the resource, like ManageReboot)')
    .option(
      '--dir <folder>',
      'where the folder of the module goes (default: src, or src/actions in the repository of the service)',
    )
    .option('--dry-run', 'write nothing')
    .configureHelp({ showGlobalOptions: false })
    .action(async (action: string, _: object, command: Command) => {
      const { permission, dir, json, ...options } = command.optsWithGlobals<NewActionCommandOptions>();
      // npm takes the option for its own in `npm run new:action lamp/blink --dry-run`, without `--`.
      const dryRun = options.dryRun ?? process.env.npm_config_dry_run === 'true';
      const { planAction, writeAction } = await import('../../generator/new-action.js');
      const project = process.cwd();
      let planned;
      try {
        planned = await planAction({ project, action, permission, folder: dir });
        if (!dryRun) writeAction(project, planned);
      } catch (error) {
        return command.error(`error: ${(error as Error).message}`);
      }
      const paths = planned.files.map(({ path }) => path);
      if (json) return printJsonLine(paths);
      for (const path of paths) printLine(dryRun ? 'WOULD CREATE' : 'CREATE', path);
      printLine(`\n${planned.advice}`);
    });
}
