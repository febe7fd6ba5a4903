import 'reflect-metadata';
import specifications from '@asyncapi/specs';
import { Module } from '@nestjs/common';
import { MessagePattern } from '@nestjs/microservices';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { ActionController } from '../actions/action-controller.decorator.js';
import { handlersIn } from '../actions/handlers.js';
import { actionModules } from '../actions/index.js';
import { PublicAction } from '../auth/require-permission.decorator.js';
import { DEVICEHIVE } from '../transport/devicehive.context.js';
import type { Installation } from './api.options.js';
import { type AsyncApiDocument, asyncApi } from './asyncapi.js';
import { describeActions, eventsOf } from './described-action.js';

const BUILT_IN: Installation = {
  brokerUrl: 'mqtt://127.0.0.1:1883',
  isExternal: false,
  clientIdInTopic: false,
  maxRequestBytes: 1_048_576,
};
const EXTERNAL = { ...BUILT_IN, brokerUrl: 'mqtts://broker.example:8883', isExternal: true };

@ActionController()
class SendController {
  @MessagePattern(['send/command', 'send/command_update', 'send/notification', 'send'], DEVICEHIVE)
  @PublicAction()
  send() {}

  @MessagePattern(['event/command', 'command', 'request', 'reply'], DEVICEHIVE)
  @PublicAction()
  other() {}
}

@Module({ controllers: [SendController] })
class SendModule {}

const actions = describeActions(handlersIn(actionModules), BUILT_IN.maxRequestBytes);

function documentFor(options: Installation): AsyncApiDocument {
  return JSON.parse(JSON.stringify(asyncApi(actions, eventsOf(actions), options))) as AsyncApiDocument;
}

/** The specification's own schema, which has the meta schema of its drafts inside. */
const isDocument = new Ajv({
  strict: false,
  validateFormats: false,
  meta: false,
  validateSchema: false,
}).compile(specifications.schemas['3.0.0']);

function expectValid(document: AsyncApiDocument): void {
  isDocument(document);
  expect(isDocument.errors ?? []).toEqual([]);
  expect(referencesIn(document).filter((reference) => at(document, reference) === undefined)).toEqual([]);
}

/** All that its members `$ref` name, in the document itself. */
function referencesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, member]) =>
    key === '$ref' ? [String(member)] : referencesIn(member),
  );
}

function at(document: object, reference: string): unknown {
  const names = reference.split('/').slice(1);
  const plain = names.map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
  return plain.reduce<any>((value, name) => value?.[name], document);
}

describe('the AsyncAPI document', () => {
  it.each([
    ['the built-in broker', BUILT_IN],
    ['all addresses of a machine', { ...BUILT_IN, brokerUrl: 'mqtt://[::]:1883' }],
    ['a broker of one’s own', { ...EXTERNAL, clientIdInTopic: true }],
  ])('is valid for %s', (_, options) => {
    const document = documentFor(options);
    expectValid(document);
    expect(Object.keys(document.operations)).toHaveLength(actions.length + 3);
  });

  it('has an operation for each action and event, whatever an action is called', () => {
    const all = describeActions(handlersIn([...actionModules, SendModule]), BUILT_IN.maxRequestBytes);
    const document = JSON.parse(JSON.stringify(asyncApi(all, eventsOf(all), BUILT_IN))) as AsyncApiDocument;
    expectValid(document);
    const operations = Object.values<{ title?: string }>(document.operations);
    expect(operations).toHaveLength(all.length + 3);
    expect(operations.flatMap(({ title }) => title ?? [])).toEqual(all.map(({ action }) => action));
  });

  it('has examples that are valid by their own schemas', () => {
    const ajv = new Ajv({ strict: false });
    const messages = Object.values<any>(documentFor(BUILT_IN).channels).flatMap((channel) =>
      Object.values<any>(channel.messages),
    );
    for (const { payload, examples = [] } of messages) {
      for (const example of examples) {
        expect(ajv.validate(payload, example.payload), `${JSON.stringify(example)} ${ajv.errorsText()}`).toBe(
          true,
        );
      }
    }
    expect(messages.length).toBeGreaterThan(3 * actions.length);
  });

  it('says how to publish, and who asks, on the built-in broker', () => {
    const { channels, operations, servers } = documentFor(BUILT_IN) as any;
    expect(servers.broker).toMatchObject({
      host: '127.0.0.1:1883',
      protocol: 'mqtt',
      protocolVersion: '3.1.1',
    });
    expect(channels.request.address).toBe('dh/request');
    expect(channels['command.update.reply'].address).toBe('dh/response/command/update@{clientId}');
    expect(channels.command_update.address).toBe(
      'dh/command_update/{networkId}/{deviceTypeId}/{deviceId}/{name}',
    );
    expect(operations['command.update'].security).toHaveLength(2);
    expect(operations['server.info'].security).toBeUndefined();
  });

  it('says it on a broker of one’s own, where the topic may name the client', () => {
    const { channels, operations, servers } = documentFor({ ...EXTERNAL, clientIdInTopic: true }) as any;
    expect(servers.broker).toMatchObject({ host: 'broker.example:8883', protocol: 'secure-mqtt' });
    expect(channels.request).toMatchObject({
      address: 'dh/request/{clientId}',
      parameters: { clientId: expect.anything() },
    });
    expect(operations['command.update'].security).toEqual([{ $ref: '#/components/securitySchemes/token' }]);
    expect((documentFor(EXTERNAL) as any).channels.request.address).toBe('dh/request');
  });

  it('tells the refusals of an action by code, those of its dto among them', () => {
    const { code } = (documentFor(BUILT_IN) as any).channels['command.update.reply'].messages.refusal.payload
      .properties;
    const texts = Object.fromEntries(code.oneOf.map((one: any) => [one.const, one.description]));
    expect(Object.keys(texts)).toEqual(['400', '401', '403', '404', '413', '500', '503']);
    expect(texts[400]).toContain('Device id is wrong or empty');
    expect(texts[413]).toContain('Request is larger than 1048576 bytes');
    expect(texts[404]).toContain('Command with id = 7 not found');
  });
});
