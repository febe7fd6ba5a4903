import { Controller, Get, Header } from '@nestjs/common';
import { ApiDescription } from './api-description.js';
import { CONTENT_SECURITY_POLICY } from './docs-page.js';

/** What the actions are, for tools and for people. Open to anybody: it has nothing but what the code says. */
@Controller()
export class ApiDescriptionController {
  constructor(private readonly description: ApiDescription) {}

  @Get('asyncapi.json')
  @Header('Content-Type', 'application/json; charset=utf-8')
  @Header('X-Content-Type-Options', 'nosniff')
  document(): string {
    return this.description.document;
  }

  @Get('docs')
  @Header('Content-Type', 'text/html; charset=utf-8')
  @Header('Content-Security-Policy', CONTENT_SECURITY_POLICY)
  @Header('X-Content-Type-Options', 'nosniff')
  @Header('Referrer-Policy', 'no-referrer')
  page(): string {
    return this.description.page;
  }
}
