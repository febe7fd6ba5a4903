import { CommandModule } from './command/command.module.js';
import { TokenModule } from './token/token.module.js';

/** The installed action modules. An extension adds its own here, or passes it to `createApp`. */
export const actionModules = [CommandModule, TokenModule];
