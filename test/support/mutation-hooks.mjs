/** @type {{file: string, from: string, to: string}[]} */
const mutations = JSON.parse(process.env.MUTATIONS ?? '');

/** @type {import('node:module').LoadHook} */
export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  const here = mutations.filter(({ file }) => url.endsWith(`/dist/src/${file}`));
  if (here.length === 0) return loaded;
  let source = String(loaded.source);
  for (const { file, from, to } of here) {
    if (!source.includes(from)) throw new Error(`${file} does not contain ${from}`);
    source = source.replaceAll(from, to);
  }
  return { ...loaded, source };
}
