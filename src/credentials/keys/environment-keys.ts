import type { Secret } from '../../lib/secret.ts';
import { StartError } from '../../store/start-error.ts';
import { createKeyRing } from './key-ring.ts';
import { parseKeyRing } from './parse-key-ring.ts';
import type { WrappingKeys } from './wrapping-keys.ts';

/** Keys that stand in the environment. Throws `StartError` where one is no good. */
export function createEnvironmentKeys(keys: Secret, variable: string): WrappingKeys {
	return ringOf(keys.reveal(), variable);
}

/** A ring of this text; `from` names where it stands. Throws `StartError`. */
export function ringOf(text: string, from: string): WrappingKeys {
	const reading = parseKeyRing(text);
	if ('keys' in reading) return createKeyRing(reading.keys);
	throw new StartError('PC_KEYS_INVALID', `The keys in ${from} cannot be used: ${reading.faults.join('; ')}.`);
}
