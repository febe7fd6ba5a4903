import { type Command, InvalidArgumentError } from 'commander';
import { isActionName } from '../../protocol/topics.js';
import { printJsonLine } from '../output.js';
import { ask, type GlobalOptions, jsonObject, withClient } from '../session.js';

/** `call`: any action, also one of an extension. */
export function addCallCommand(program: Command): void {
  program
    .command('call')
    .argument('<action>', 'like device/list', actionName)
    .argument('[json]', 'the fields of the request, a JSON object', jsonObject)
    .description("send a request for any action, and print its reply's fields as one line of JSON")
    .action(async (action: string, data: object = {}, _: object, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions>();
      printJsonLine(await withClient(options, (client) => ask<object>(client, action, data)));
    });
}

function actionName(text: string): string {
  if (!isActionName(text)) throw new InvalidArgumentError('It is like device/list.');
  return text;
}
