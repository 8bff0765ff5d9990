import type { Directory } from '../config/snapshot.ts';

/** A directory by one of the issuers its tokens may name. */
export interface IssuerForm {
	readonly directory: Directory;
	/** What `ver` of such a token says; `undefined` for an issuer whose form is not Entra's. */
	readonly version: '1.0' | '2.0' | undefined;
}

/** Every accepted `iss`, compared as it is, without normalising. */
export function issuerForms(directories: readonly Directory[]): ReadonlyMap<unknown, IssuerForm> {
	const forms = new Map<unknown, IssuerForm>();
	for (const directory of directories) {
		if (directory.v1Issuer !== undefined) forms.set(directory.v1Issuer, { directory, version: '1.0' });
	}
	// The canonical issuer of a directory is nobody else's.
	for (const directory of directories) forms.set(directory.issuer, { directory, version: versionOf(directory.issuer) });
	return forms;
}

// https://sts.windows.net/{tid}/ and https://login.microsoftonline.com/{tid}/v2.0, under other hosts in other clouds.
function versionOf(issuer: string): IssuerForm['version'] {
	if (issuer.startsWith('https://sts.')) return '1.0';
	return issuer.endsWith('/v2.0') ? '2.0' : undefined;
}
