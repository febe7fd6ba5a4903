import { afterAll, afterEach, expect } from 'vitest';
import { actionModules } from '../../src/actions/index.js';
import { learn, takeMismatches } from './described-traffic.js';

// Files share the module: what one of them made it ignore counts for the next.
learn(actionModules);

// For every end-to-end test: what went over the wire while it ran is as the API description says.
const check = () => expect(takeMismatches(), 'not as the API is described').toEqual([]);
afterEach(check);
afterAll(check);
