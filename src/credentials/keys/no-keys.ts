import { PortcullisError } from '../../errors/portcullis-error.ts';
import type { WrappingKeys } from './wrapping-keys.ts';

/** For a gateway that was given no keys: it keeps no secrets, and says so to whoever wants it to. */
export function createNoKeys(): WrappingKeys {
	const refuse = (): Promise<never> => Promise.reject(new PortcullisError('PC_KEYS_MISSING'));
	return { current: '', wrap: refuse, unwrap: refuse, check: () => Promise.resolve(), close: () => Promise.resolve() };
}
