// Preloaded into a service: changes its code as `MUTATIONS` says, a list of `{file, from, to}`.
import { register } from 'node:module';

register(import.meta.url.replace('mutation.mjs', 'mutation-hooks.mjs'));
