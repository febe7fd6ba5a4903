import type { EventDescription } from '../actions/api-action.decorator.js';
import { type Permission, PERMISSION_IDS } from '../protocol/permissions.js';
import { responseTopic } from '../protocol/topics.js';
import type { Installation } from './api.options.js';
import { eventAddress, requestAddress } from './channels.js';
import type { DescribedAction } from './described-action.js';
import { exampleOf } from './example.js';
import { type Html, html, prose } from './html.js';
import { requestCommand, watchCommand } from './mosquitto-command.js';
import { rowsOf, type SchemaRow } from './schema-text.js';

/** How a token carries a permission; one of an extension has no id. */
function inToken(permission: string): string {
  const isDeviceHives = Object.hasOwn(PERMISSION_IDS, permission);
  return isDeviceHives ? `id ${PERMISSION_IDS[permission as Permission]}` : 'in tokens by this name';
}

export function actionSection(described: DescribedAction, options: Installation): Html {
  const { action, summary, requirement, isRepeatable, request, reply, refusals, hasOtherRefusals, event } =
    described;
  return html`<article aria-labelledby="${action}">
    <h3 id="${action}"><a href="#${action}">${action}</a></h3>
    ${summary && html`<p>${prose(summary)}.</p>`}
    <dl>
      <dt>request on</dt>
      <dd><code>${requestAddress(options, '<client id>')}</code></dd>
      <dt>reply on</dt>
      <dd><code>${responseTopic(action, '<client id>')}</code></dd>
      <dt>permission</dt>
      <dd>
        ${
          requirement
            ? requirement.map((one, i) => html`${i > 0 && ' or '}<code>${one}</code> (${inToken(one)})`)
            : 'none'
        }
      </dd>
      ${
        event &&
        html`<dt>event</dt>
          <dd><a href="#dh/${event.kind}">dh/${event.kind}</a></dd>`
      }
      ${
        isRepeatable &&
        html`<dt>sent again</dt>
          <dd>with the same <code>requestId</code> it has no second effect</dd>`
      }
    </dl>
    <h4>Request</h4>
    ${fieldTable(rowsOf(request, true), requirement ? [...ENVELOPE, 'token'] : ENVELOPE)}
    <pre class="copy" tabindex="0">${requestCommand(action, exampleOf(request), options)}</pre>
    <h4>Reply</h4>
    ${fieldTable(rowsOf(reply), [...ENVELOPE, 'status'], reply.additionalProperties)}
    ${example(exampleOf(reply))}
    <details>
      <summary>Refusals: ${[...refusals.keys()].join(', ')}${hasOtherRefusals && ', and others'}</summary>
      <table class="refusals">
        <thead>
          <tr>
            <th scope="col">code</th>
            <th scope="col">error</th>
          </tr>
        </thead>
        <tbody>
          ${[...refusals].map(
            ([code, texts]) =>
              html`<tr>
                <td>${code}</td>
                <td>${texts.map((text) => html`<div><code>${text}</code></div>`)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </details>
  </article>`;
}

export function eventSection({ kind, summary, payload }: EventDescription, options: Installation): Html {
  return html`<article aria-labelledby="dh/${kind}">
    <h3 id="dh/${kind}"><a href="#dh/${kind}">dh/${kind}</a></h3>
    <p>${prose(summary)}.</p>
    <dl>
      <dt>topic</dt>
      <dd><code>${eventAddress(kind, '<', '>')}</code></dd>
    </dl>
    ${fieldTable(rowsOf(payload))} ${example(exampleOf(payload))}
    <pre class="copy" tabindex="0">${watchCommand(`dh/${kind}/#`, options)}</pre>
  </article>`;
}

/** Members that are the same everywhere, and told of once. */
const ENVELOPE = ['action', 'requestId'];

/** @param hasOthers whether nobody has told which members there are */
function fieldTable(all: SchemaRow[], known: string[] = [], hasOthers = false): Html {
  const rows = all.filter(({ path }) => !known.includes(path));
  if (rows.length === 0) {
    return html`<p class="dim">
      ${hasOthers ? 'Any members, not described.' : 'Nothing but the envelope.'}
    </p>`;
  }
  return html`<table>
    <thead>
      <tr>
        <th scope="col">field</th>
        <th scope="col">type</th>
        <th scope="col">meaning</th>
      </tr>
    </thead>
    <tbody>
      ${rows.map(fieldRow)}
    </tbody>
  </table>`;
}

function fieldRow({ path, type, bounds, isRequired, description }: SchemaRow): Html {
  return html`<tr>
    <td><code>${path}</code>${isRequired && html` <span class="required">required</span>`}</td>
    <td>${type}${bounds.map((bound) => html`<span class="dim">, ${prose(bound)}</span>`)}</td>
    <td>${prose(description)}</td>
  </tr>`;
}

function example(value: unknown): Html {
  return html`<pre tabindex="0">${JSON.stringify(value, undefined, 2)}</pre>`;
}
