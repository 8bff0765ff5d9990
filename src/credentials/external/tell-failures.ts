import { PortcullisError } from '../../errors/portcullis-error.ts';
import type { WrappingKeys } from '../keys/wrapping-keys.ts';
import type { SecretSource } from '../sources/secret-source.ts';
import { type FailureReason, StoreFailure } from './store-failure.ts';

/** What a failure of a store is called in the table of errors. */
type CodeOf = (reason: FailureReason) => 'PC_CREDENTIAL_MISSING' | 'PC_KEYS_UNAVAILABLE' | 'PC_SECRET_UNREADABLE';

const whenUnwrapping: CodeOf = (reason) =>
	reason === 'missing' || reason === 'invalid' ? 'PC_SECRET_UNREADABLE' : 'PC_KEYS_UNAVAILABLE';

const whenReading: CodeOf = (reason) => (reason === 'missing' ? 'PC_CREDENTIAL_MISSING' : 'PC_KEYS_UNAVAILABLE');

/** The same keys, whose failures are those of the table of errors. */
export function tellKeyFailures(keys: WrappingKeys): WrappingKeys {
	return {
		get current() {
			return keys.current;
		},
		wrap: (dataKey, signal) => told(keys.wrap(dataKey, signal), () => 'PC_KEYS_UNAVAILABLE'),
		unwrap: (keyId, wrapped, signal) => told(keys.unwrap(keyId, wrapped, signal), whenUnwrapping),
		check: (signal) => keys.check(signal),
		close: () => keys.close(),
	};
}

/** The same source, whose failures are those of the table of errors. */
export function tellSourceFailures(source: SecretSource): SecretSource {
	return {
		read: (reference, owner, signal) => told(source.read(reference, owner, signal), whenReading),
		close: () => source.close(),
	};
}

async function told<Value>(promise: Promise<Value>, codeOf: CodeOf): Promise<Value> {
	try {
		return await promise;
	} catch (error) {
		if (!(error instanceof StoreFailure)) throw error;
		throw new PortcullisError(codeOf(error.reason), { detail: error.message }, { cause: error });
	}
}
