import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeMachine } from './machine.js';
import { type Options, readOptions, type Section, USAGE } from './options.js';
import { actions } from './sections/actions.js';
import { bursts } from './sections/bursts.js';
import { connections } from './sections/connections.js';
import { embedded } from './sections/embedded.js';
import { fanout } from './sections/fanout.js';
import { list } from './sections/list.js';
import { neighbours } from './sections/neighbours.js';
import { rows } from './sections/rows.js';
import type { SectionOfRun } from './sections/section.js';
import { takeover } from './sections/takeover.js';
import { update } from './sections/update.js';
import { Cleanup } from './support/cleanup.js';
import { Generator } from './support/generator.js';
import { Progress } from './support/progress.js';
import { signToken } from './support/subjects.js';

const RESULTS = join(import.meta.dirname, '../../bench/results.md');
const SECTIONS: Record<Section, SectionOfRun> = {
  update,
  actions,
  neighbours,
  fanout,
  connections,
  embedded,
  list,
  rows,
  takeover,
  bursts,
};

const HOW_TO_READ = `All subjects ran on one machine, beside load generator, PostgreSQL and Mosquitto, and took turns. Read the ratios:
figures of one run are comparable with each other, those of two runs or two machines are not, and what else the machine
did fell on all. A subject is limited by the machine, not by itself, where the CPU times add up to all cores. The echo is
the limit: MQTT.js alone, which publishes the same two packets for each request. The textbook is what Nest's documentation
teaches: stock MQTT transport, guard, validated DTO, \`findOneBy\` and \`save\`; it acknowledges before it executes. The
generator alone publishes to a Mosquitto where nobody reads. Requests are QoS 1 with about 300 bytes and a token, for
commands at random, over 16 clients (one with 1 in flight); a request is done when its reply with \`success\` is there. One
watcher receives all events. A section that does otherwise says so.`;

async function measure(options: Options, cleanup: Cleanup): Promise<string[]> {
  const progress = new Progress();
  const sections = options.sections.map((name) => SECTIONS[name]);
  sections.forEach((section) => progress.plan(section.seconds(options)));
  const run = { options, generator: Generator.start(cleanup), progress, token: await signToken() };
  const parts: string[] = [];
  for (const section of sections) parts.push(await cleanup.within((part) => section.run(run, part)));
  progress.done();
  return parts;
}

async function main(options: Options, cleanup: Cleanup): Promise<void> {
  cleanup.runOnSignals();
  const machine = await describeMachine();
  const parts = await measure(options, cleanup);
  const date = new Date().toISOString().slice(0, 10);
  const how = options.name === 'default' ? '' : ` -- --${options.name}`;
  const intro = `Written by \`npm run bench${how}\` on ${date}: ${machine}.`;
  const text = ['# Benchmark', intro, HOW_TO_READ, ...parts].join('\n\n');
  // The file has all sections, of one run.
  if (!options.isPartial) writeFileSync(RESULTS, `${text}\n`);
  process.stdout.write(`${text}\n`);
}

const cleanup = new Cleanup();
try {
  await main(readOptions(process.argv.slice(2)), cleanup);
} catch (error) {
  // After Ctrl-C everything ends at once, and fails.
  if (!cleanup.isRunning) process.stderr.write(`\n${(error as Error).message}\n${USAGE}\n`);
  process.exitCode = 1;
} finally {
  await cleanup.run();
}
