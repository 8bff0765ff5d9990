import { keepAnswer, takeKey } from '../store/queries/idempotency-key.ts';
import type { IdempotencyStore } from './idempotency.ts';

/** Idempotency-Keys in the database, each in the transaction of the change it stands for. */
export const STORED_ANSWERS: IdempotencyStore = Object.freeze({ begin: takeKey, finish: keepAnswer });
