import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestService } from './support/service.js';

let service: TestService;

beforeAll(async () => {
  service = await TestService.start();
});
afterAll(() => service?.stop());

const get = async (path: string) => {
  const response = await fetch(`${service.httpUrl}${path}`);
  return { status: response.status, body: (await response.json()) as Record<string, any> };
};

describe('health', () => {
  it('is live', async () => {
    expect(await get('/health/live')).toEqual({ status: 200, body: { status: 'ok' } });
  });

  it('is ready with broker and database', async () => {
    const { status, body } = await get('/health/ready');
    expect(status).toBe(200);
    expect(body.details).toMatchObject({ broker: { status: 'up' }, database: { status: 'up' } });
  });
});
