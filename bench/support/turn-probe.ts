/** Loaded into the measured process with `--import`: on SIGUSR2 it writes the longest turn of its event loop since the last. */
let last = performance.now();
let longest = 0;

setInterval(() => {
  const now = performance.now();
  longest = Math.max(longest, now - last);
  last = now;
}, 1).unref();

process.on('SIGUSR2', () => {
  process.stderr.write(`longest turn ${longest.toFixed(1)} ms\n`);
  longest = 0;
});
