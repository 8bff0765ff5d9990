import { type CryptoKey, compactVerify } from 'jose';
import type { Directory } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { checkAddressee, checkNotForGraph } from './check-addressee.ts';
import { checkClaims, type VerifiedClaims } from './check-claims.ts';
import { type IssuerForm, issuerForms } from './issuer-forms.ts';
import { parseToken, type RawClaims } from './parse-token.ts';

/** What verification needs to know of the world. */
export interface TokenVerifierOptions {
	/** Accepted directories, each with an issuer of its own. */
	readonly directories: readonly Directory[];
	/** Key of a directory by its id; `undefined` when the directory has no such key. */
	readonly keyFor: (directory: Directory, kid: string) => Promise<CryptoKey | undefined>;
	/** Wall clock, milliseconds since 1970. */
	readonly now: () => number;
}

/** Verifies one access token; rejects with a PC_TOKEN_* code, or PC_DIRECTORY_UNAVAILABLE when there are no keys. */
export type VerifyToken = (token: string) => Promise<VerifiedClaims>;

/**
 * Verifies access tokens in the order: form, directory, addressee (all without I/O), signature, claims. Keeps nothing
 * of a token.
 */
export function createTokenVerifier({ directories, keyFor, now }: TokenVerifierOptions): VerifyToken {
	const forms = issuerForms(directories);
	return async (token) => {
		const { kid, claims } = parseToken(token);
		checkNotForGraph(claims, directories);
		const form = formOf(claims, forms);
		const { directory } = form;
		checkAddressee(claims, form);
		await checkSignature(token, await keyFor(directory, kid));
		return checkClaims(claims, directory, now());
	};
}

// The unverified `iss` only chooses whose keys must have signed; text is compared as it is, without normalising.
function formOf({ iss }: RawClaims, forms: ReadonlyMap<unknown, IssuerForm>): IssuerForm {
	const form = forms.get(iss);
	if (form === undefined) throw new PortcullisError('PC_TOKEN_ISSUER', { detail: 'iss is no accepted issuer' });
	return form;
}

/** Checks a compact JWS against the key its header names. Rejects with PC_TOKEN_SIGNATURE. */
export async function checkSignature(token: string, key: CryptoKey | undefined): Promise<void> {
	if (key === undefined) throw new PortcullisError('PC_TOKEN_SIGNATURE', { detail: 'kid is no key of the directory' });
	try {
		await compactVerify(token, key, { algorithms: ['RS256'] });
	} catch (cause) {
		throw new PortcullisError('PC_TOKEN_SIGNATURE', { detail: 'signature does not fit the key' }, { cause });
	}
}
