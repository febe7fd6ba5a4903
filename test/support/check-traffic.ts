import { afterAll, afterEach, expect } from 'vitest';
import { takeMismatches } from './described-traffic.js';

// For every end-to-end test: what went over the wire while it ran is as the API description says.
const check = () => expect(takeMismatches(), 'not as the API is described').toEqual([]);
afterEach(check);
afterAll(check);
