/** Of `GET /docs`: narrow and wide, light and dark. */
export const STYLE = `
:root { color-scheme: light dark; --text: #1d2330; --dim: #566070; --back: #fff; --soft: #f3f5f8; --line: #d8dde5;
  --link: #0b57b0; --mark: #8a2c0d; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e7ec; --dim: #a3adbb; --back: #14171c; --soft: #1e232b;
  --line: #343b47; --link: #8ab8ff; --mark: #ffb38f; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; background: var(--back); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: 1rem; padding: .5rem; background: var(--back); z-index: 1; }
header, main, nav { padding: 0 1rem; max-width: 60rem; }
h1 { margin: 1.5rem 0 .5rem; line-height: 1.2; }
h2 { margin: 3rem 0 0; border-bottom: 2px solid var(--line); }
h3 { margin: 2.5rem 0 0; font: 600 1.2rem/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
h3 a { color: inherit; text-decoration: none; }
h3 a:hover { text-decoration: underline; }
h4 { margin: 1.25rem 0 .25rem; font-size: .95rem; }
p { margin: .5rem 0; max-width: 46rem; }
code, pre { font: .875em/1.5 ui-monospace, monospace; overflow-wrap: anywhere; }
pre { margin: .25rem 0; padding: .6rem .75rem; background: var(--soft); border: 1px solid var(--line); border-radius: 4px;
  white-space: pre-wrap; }
pre.copy { user-select: all; }
nav h2 { margin: 1rem 0 .25rem; border: 0; font-size: .9rem; color: var(--dim); }
nav ul { margin: 0; padding: 0; list-style: none; display: flex; flex-wrap: wrap; gap: 0 1rem; }
nav a { display: inline-block; padding: .2rem 0; font: .875rem/1.5 ui-monospace, monospace; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; margin: .5rem 0; }
dt { color: var(--dim); } dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th, td { padding: .3rem .75rem .3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { font-size: .8rem; font-weight: 600; color: var(--dim); }
td:first-child { width: 30%; } td:nth-child(2) { width: 25%; }
.refusals td:first-child { width: 4rem; } .refusals td:nth-child(2) { width: auto; }
.required { color: var(--mark); font-size: .8rem; white-space: nowrap; }
.dim { color: var(--dim); }
summary { cursor: pointer; margin-top: 1rem; font-weight: 600; font-size: .95rem; }
@media (min-width: 70rem) {
  .page { display: grid; grid-template-columns: 16rem minmax(0, 60rem); gap: 0 2rem; max-width: 80rem; margin: 0 auto; }
  header { grid-column: 2; }
  nav { grid-column: 1; grid-row: 1 / span 2; position: sticky; top: 0; max-height: 100vh; overflow: auto; padding-bottom: 1rem;
    align-self: start; }
  nav ul { display: block; }
}
@media (max-width: 40rem) {
  thead { position: absolute; left: -99rem; }
  tr { display: block; padding: .4rem 0; border-bottom: 1px solid var(--line); }
  td, td:first-child, td:nth-child(2) { display: block; width: auto; padding: 0; border: 0; }
  dl { grid-template-columns: 1fr; } dt { font-size: .8rem; margin-top: .3rem; }
}
@media print { nav, .skip { display: none; } }
`;
