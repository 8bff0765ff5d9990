/** Who somebody is: e-mail, name and every other claim take no part. */
export interface Identity {
	readonly issuer: string;
	readonly tid: string;
	readonly oid: string;
}

/** One text for an identity. JSON quotes each part, so no choice of texts makes two identities meet in one key. */
export function principalKey({ issuer, tid, oid }: Identity): string {
	return JSON.stringify([issuer, tid, oid]);
}
