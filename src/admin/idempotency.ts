import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { canonicalJson } from '../lib/json-canonical.ts';
import type { PlatformTx, WorkspaceTx } from '../store/tx.ts';
import { inputInvalid } from './input-invalid.ts';
import type { ApiAnswer, Context } from './route.ts';

/** An Idempotency-Key and the request it came with. Its workspace is that of the transaction; the platform's is nil. */
export interface KeyClaim {
	/** Whose key it is: a principal key, or `operator`. */
	readonly principal: string;
	readonly key: string;
	/** SHA-256 of the operation, its parameters and its body. */
	readonly requestDigest: Buffer;
}

/** What is kept under a key. */
export interface KeptAnswer {
	readonly requestDigest: Buffer;
	readonly status: number;
	/** JSON text. */
	readonly answer: string;
}

/** Keeps answers for 24 hours, each in the transaction of the change it tells of: both last, or neither. */
export interface IdempotencyStore {
	/**
	 * Takes the key for the rest of this transaction, after waiting for any other that holds it. Gives what was kept under
	 * it by one that was committed within the last 24 hours, whatever request that was for; `undefined`: nothing.
	 */
	begin(tx: WorkspaceTx | PlatformTx, claim: KeyClaim): Promise<KeptAnswer | undefined>;
	/** Keeps the answer of a claim that `begin` found nothing for. */
	finish(tx: WorkspaceTx | PlatformTx, claim: KeyClaim, kept: Pick<KeptAnswer, 'status' | 'answer'>): Promise<void>;
}

const KEY = /^[\x21-\x7e]{1,255}$/;

/** The Idempotency-Key of a request; throws PC_INPUT_INVALID when it cannot be one. */
export function readKey(headers: IncomingHttpHeaders): string | undefined {
	const key = headers['idempotency-key'];
	if (key === undefined) return undefined;
	if (typeof key === 'string' && KEY.test(key)) return key;
	throw inputInvalid([{ path: 'header.idempotency-key', message: 'expected 1 to 255 visible ASCII characters' }]);
}

/** What makes two requests with the same key the same request; the spelling of the JSON does not count. */
export function requestDigest(operation: string, params: Readonly<Record<string, string>>, bodyText: string): Buffer {
	const body = bodyText === '' ? '' : canonicalJson(bodyText);
	return createHash('sha256')
		.update(JSON.stringify([operation, Object.entries(params).sort(), body]))
		.digest();
}

/** `Context.once` of one request, and what became of it. */
export interface Once {
	readonly once: Context['once'];
	/** Whether the operation has made its change in it. */
	wasUsed(): boolean;
	/** Whether the answer is a kept one. */
	wasReplayed(): boolean;
}

/** How one request makes its change once. */
export interface OnceParts {
	readonly store: IdempotencyStore;
	readonly claim: KeyClaim;
	/** Throws when the answer is none that the operation may give, so that it is never kept. */
	check(answer: ApiAnswer): void;
}

/** `once` of a request with a key. */
export function createOnce({ store, claim, check }: OnceParts): Once {
	let used = false;
	let replayed = false;
	return {
		async once<A extends ApiAnswer>(tx: WorkspaceTx | PlatformTx, change: () => Promise<A>): Promise<A> {
			used = true;
			const kept = await store.begin(tx, claim);
			if (kept !== undefined) {
				if (!kept.requestDigest.equals(claim.requestDigest)) throw new PortcullisError('PC_IDEMPOTENCY_KEY_REUSED');
				replayed = true;
				return JSON.parse(kept.answer) as A;
			}
			const answer = await change();
			check(answer);
			await store.finish(tx, claim, { status: answer.status, answer: JSON.stringify(keptOf(answer)) });
			return answer;
		},
		wasUsed: () => used,
		wasReplayed: () => replayed,
	};
}

function keptOf({ keptBody, ...answer }: ApiAnswer): ApiAnswer {
	return keptBody === undefined ? answer : { ...answer, body: keptBody };
}

/** `once` of a request without a key: the change is made. */
export const MADE_ALWAYS: Once = Object.freeze({
	once: <A extends ApiAnswer>(_tx: WorkspaceTx | PlatformTx, change: () => Promise<A>) => change(),
	wasUsed: () => true,
	wasReplayed: () => false,
});
