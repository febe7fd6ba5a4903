import { migrate } from 'nest-devicehive';
import { options } from './options.js';

console.log('applied', await migrate(options));
