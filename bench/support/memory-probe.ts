/** Loaded into the measured process with `--import`, beside `--expose-gc`: on SIGUSR2 it writes how much memory is in use. */
process.on('SIGUSR2', () => {
  globalThis.gc!();
  const { heapUsed, external } = process.memoryUsage();
  process.stderr.write(`${((heapUsed + external) / 1_024).toFixed(0)} kB in use\n`);
});
