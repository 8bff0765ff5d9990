import type { SignInDirectory } from '../identity/sign-in/sign-in-directory.ts';
import { createSealer, type Sealer } from '../lib/seal.ts';
import type { Secret } from '../lib/secret.ts';

/** What is sealed, each with a key of its own. */
export type SealedThing = 'session' | 'sign-in' | 'form' | 'link';

/** The sealer of one thing for the people of one directory. */
export type SealerOf = (directory: SignInDirectory, thing: SealedThing) => Sealer;

/** Derives a key from a secret; given by `credentials`, which alone may reveal it. */
export type DeriveKey = (secret: Secret, purpose: string) => Buffer;

/**
 * Keys come from the secret of the directory's web client: every process of the gateway has the same ones without a
 * setting of its own, what is sealed for one directory opens for no other, and a new secret ends what the old one sealed.
 */
export function createSealerOf(deriveKey: DeriveKey): SealerOf {
	const sealers = new WeakMap<SignInDirectory, Map<SealedThing, Sealer>>();
	return (directory, thing) => {
		const ofDirectory = sealers.get(directory) ?? new Map<SealedThing, Sealer>();
		sealers.set(directory, ofDirectory);
		const sealer = ofDirectory.get(thing) ?? makeSealer(deriveKey, directory, thing);
		ofDirectory.set(thing, sealer);
		return sealer;
	};
}

function makeSealer(deriveKey: DeriveKey, directory: SignInDirectory, thing: SealedThing): Sealer {
	const { id, issuer, tenantId, signIn } = directory;
	const purpose = JSON.stringify(['connect', thing, id, issuer, tenantId, signIn.clientId]);
	return createSealer(deriveKey(signIn.clientSecret, purpose), purpose);
}
