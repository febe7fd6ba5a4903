import { Injectable, ServiceUnavailableException } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { handlersOf } from '../actions/handlers.js';
import { DeviceHiveServer } from '../transport/devicehive.server.js';
import { ApiOptions } from './api.options.js';
import { asyncApi } from './asyncapi.js';
import { describeActions, eventsOf } from './described-action.js';
import { docsPage } from './docs-page.js';

/**
 * The description of all actions in the application, made when somebody first asks for it. 503 until the built-in
 * broker lets clients in: an application of one's own may serve HTTP before.
 */
@Injectable()
export class ApiDescription {
  private made?: { document: string; page: string };

  constructor(
    private readonly discovery: DiscoveryService,
    private readonly server: DeviceHiveServer,
    private readonly options: ApiOptions,
  ) {}

  /** AsyncAPI 3, as JSON. */
  get document(): string {
    return this.make().document;
  }

  /** The same to read, as HTML. */
  get page(): string {
    return this.make().page;
  }

  private make() {
    if (!this.made) {
      const { brokerUrl } = this.server;
      if (brokerUrl === undefined) throw new ServiceUnavailableException('The broker lets no clients in yet');
      const installation = { ...this.options, brokerUrl };
      const controllers = this.discovery.getControllers().flatMap(({ metatype }) => metatype ?? []);
      const actions = describeActions(controllers.flatMap(handlersOf), this.options.maxRequestBytes);
      const events = eventsOf(actions);
      const document = JSON.stringify(asyncApi(actions, events, installation));
      this.made = { document, page: docsPage(actions, events, installation) };
    }
    return this.made;
  }
}
