import 'reflect-metadata';

export { SAMPLE } from '../seed.js';
export { type ActionContract, describeActionContract } from './action-contract.js';
export type { ContractService } from './contract-service.js';
