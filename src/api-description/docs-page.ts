import { createHash } from 'node:crypto';
import type { EventDescription } from '../actions/api-action.decorator.js';
import type { Installation } from './api.options.js';
import { introductionTo } from './asyncapi.js';
import { groupOf } from './channels.js';
import type { DescribedAction } from './described-action.js';
import { actionSection, eventSection } from './docs-sections.js';
import { STYLE } from './docs-style.js';
import { Html, html, prose } from './html.js';
import { SHELL_VARIABLES } from './mosquitto-command.js';

const styleHash = createHash('sha256').update(STYLE).digest('base64');

/** The page loads nothing and runs nothing; its one style sheet is in it. */
export const CONTENT_SECURITY_POLICY = `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

/** All actions and events on one page, as HTML that needs nothing else. */
export function docsPage(
  actions: DescribedAction[],
  events: EventDescription[],
  options: Installation,
): string {
  const groups = [...new Set(actions.map(({ action }) => groupOf(action)))].map((name) => ({
    name,
    actions: actions.filter(({ action }) => groupOf(action) === name),
  }));
  const style = new Html(`<style>${STYLE}</style>`);
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>DeviceHive over MQTT</title>
        ${style}
      </head>
      <body>
        <a class="skip" href="#actions">Skip to the actions</a>
        <div class="page">
          <header>
            <h1>DeviceHive over MQTT</h1>
            ${introductionTo(options).map((paragraph) => html`<p>${prose(paragraph)}</p>`)}
            <p>
              For tools there is <a href="asyncapi.json">the AsyncAPI document</a>. The examples are commands
              for a shell with Mosquitto's clients, after this one:
            </p>
            <pre class="copy" tabindex="0">${SHELL_VARIABLES}</pre>
          </header>
          <nav aria-label="Actions and events">
            ${groups.map(
              (group) =>
                html`<h2>${group.name}</h2>
                  <ul>
                    ${group.actions.map(({ action }) => html`<li><a href="#${action}">${action}</a></li>`)}
                  </ul>`,
            )}
            <h2>events</h2>
            <ul>
              ${events.map(({ kind }) => html`<li><a href="#dh/${kind}">dh/${kind}</a></li>`)}
            </ul>
          </nav>
          <main id="actions">
            ${groups.map(
              (group) =>
                html`<section>
                  <h2>${group.name}</h2>
                  ${group.actions.map((action) => actionSection(action, options))}
                </section>`,
            )}
            <section>
              <h2>events</h2>
              ${events.map((event) => eventSection(event, options))}
            </section>
          </main>
        </div>
      </body>
    </html> `.text;
}
