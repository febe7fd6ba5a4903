import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Module } from '@nestjs/common';
import { MessagePattern, Payload } from '@nestjs/microservices';
import { IsInt, Max } from 'class-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ActionController } from '../src/actions/action-controller.decorator.js';
import { ApiAction } from '../src/actions/api-action.decorator.js';
import { actionsOf } from '../src/actions/handlers.js';
import { actionModules } from '../src/actions/index.js';
import { RequirePermission } from '../src/auth/require-permission.decorator.js';
import { DEVICEHIVE } from '../src/transport/devicehive.context.js';
import { TextField } from '../src/transport/dto/dto-fields.js';
import { ADMIN, TestService } from './support/service.js';
import { hasMosquitto } from './support/mosquitto.js';

const HOSTILE = `<script>alert("it's & more")</script>`;

class ScheduleDto {
  @IsInt() @Max(5) count!: number;
  @TextField({ description: HOSTILE }) note?: string | null;
}

@ActionController()
class RebootController {
  @MessagePattern('reboot/schedule', DEVICEHIVE)
  @RequirePermission('ManageReboot')
  @ApiAction({ summary: HOSTILE, reply: { when: { type: 'string' } } })
  schedule(@Payload() { count }: ScheduleDto) {
    return { when: `in ${count} hours` };
  }

  @MessagePattern('reboot/undescribed', DEVICEHIVE)
  @RequirePermission('ManageUser')
  undescribed() {
    return { anything: 1 };
  }

  @MessagePattern('reboot/silent', DEVICEHIVE)
  @RequirePermission('ManageUser')
  @ApiAction({ reply: {} })
  silent() {}
}

@Module({ controllers: [RebootController] })
class RebootModule {}

const modules = [...actionModules, RebootModule];
let service: TestService;
let document: Record<string, any>;
let page: string;
let headers: Headers;

beforeAll(async () => {
  service = await TestService.start({}, modules);
  document = (await (await fetch(`${service.httpUrl}/asyncapi.json`)).json()) as Record<string, any>;
  const response = await fetch(`${service.httpUrl}/docs`);
  page = await response.text();
  ({ headers } = response);
});
afterAll(() => service?.stop());

describe('GET /asyncapi.json', () => {
  it('describes each action that there is, and no other', () => {
    const described = Object.values<any>(document.operations)
      .filter(({ action }) => action === 'receive')
      .map(({ title }) => title as string);
    expect(described.toSorted()).toEqual(actionsOf(modules).toSorted());
  });

  it('says of each action of the service what it does, what it answers and what it is refused with', () => {
    const bare = actionsOf(actionModules).filter((action) => {
      const { summary } = document.operations[action.replaceAll('/', '.')];
      const { success, refusal } = document.channels[`${action.replaceAll('/', '.')}.reply`].messages;
      const { oneOf } = refusal.payload.properties.code;
      return !summary || success.payload.additionalProperties || oneOf.some((code: any) => code.not);
    });
    expect(bare).toEqual([]);
  });

  it('names the broker where it listens', () => {
    expect(`mqtt://${document.servers.broker.host}`).toBe(service.mqttUrl);
  });

  it('has an action of an extension, with what its decorators say', () => {
    expect(document.operations['reboot.schedule']).toMatchObject({
      title: 'reboot/schedule',
      'x-permissions': ['ManageReboot'],
    });
    expect(document.channels.request.messages['reboot.schedule'].payload).toMatchObject({
      properties: { action: { const: 'reboot/schedule' }, count: { type: 'integer', maximum: 5 } },
      required: ['action', 'count'],
    });
    expect(document.channels['reboot.undescribed.reply'].messages.success.payload).toMatchObject({
      required: ['action', 'requestId', 'status'],
      additionalProperties: true,
      description: 'beside these any members, not described',
    });
    const { success } = document.channels['reboot.silent.reply'].messages;
    expect(success.payload.description).toBe(undefined);
    const { refusal } = document.channels['reboot.undescribed.reply'].messages;
    expect(refusal.payload.properties.code.oneOf.at(-1)).toMatchObject({ type: 'integer' });
  });

  it('has examples that the service takes', async () => {
    const client = await service.connectAdmin();
    const refused: unknown[] = [];
    for (const { title, examples } of Object.values<any>(document.channels.request.messages)) {
      const { requestId: _, ...body } = examples[0].payload as Record<string, unknown>;
      const reply = await client.request(title as string, body);
      if (![undefined, 401, 404].includes(reply.code as number | undefined)) refused.push(reply);
    }
    expect(refused).toEqual([]);
  });
});

describe('GET /docs', () => {
  it('shows each action and event', () => {
    for (const action of [...actionsOf(modules), 'dh/command', 'dh/command_update', 'dh/notification']) {
      expect(page).toContain(`<h3 id="${action}">`);
      expect(page).toContain(`href="#${action}"`);
    }
  });

  it('tells a reply that nothing describes from one that has no members', () => {
    const replyOf = (action: string) =>
      new RegExp(`<article aria-labelledby="${action}">[^]*?<h4>Reply</h4>\\s*<p[^>]*>([^<]+)</p>`)
        .exec(page)?.[1]
        ?.trim();
    expect(replyOf('reboot/undescribed')).toBe('Any members, not described.');
    expect(replyOf('reboot/silent')).toBe('Nothing but the envelope.');
  });

  it("shows how a token carries a permission, DeviceHive's and an extension's own", () => {
    expect(page).toContain('<code>ManageReboot</code> (in tokens by this name)');
    expect(page).toContain('<code>ManageUser</code> (id 12)');
  });

  it('escapes what code and clients say', () => {
    expect(page).not.toContain('<script');
    expect(page).toContain('&lt;script&gt;alert(&quot;it&#39;s &amp; more&quot;)&lt;/script&gt;');
  });

  it('loads nothing and runs nothing', () => {
    expect(page).not.toMatch(/\s(src|srcset|style|on\w+)=|url\(|@import|http-equiv/i);
    expect([...page.matchAll(/href="([^#][^"]*)"/g)].map(([, href]) => href)).toEqual(['asyncapi.json']);
    expect(headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; style-src 'sha256-[^;]+'; base-uri/,
    );
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
  });

  it.skipIf(!hasMosquitto)('has commands to copy (skipped where Mosquitto is missing)', async () => {
    const [, text] = /<pre class="copy"[^>]*>(mosquitto_rr[^<]+device\/save[^<]+)<\/pre>/.exec(page)!;
    const command = text!.replaceAll('&#39;', "'").replaceAll('&quot;', '"').replaceAll('&amp;', '&');
    const env = { ...process.env, LOGIN: ADMIN.username, PASSWORD: ADMIN.password };
    const { stdout } = await promisify(execFile)('sh', ['-c', command], { env, timeout: 20_000 });
    expect(JSON.parse(stdout)).toEqual({ action: 'device/save', requestId: '42', status: 'success' });
  });
});
