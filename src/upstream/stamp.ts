/** Whose an upstream exchange is. Made when a call leaves, compared when its answer comes back. */
export interface Stamp {
	readonly workspace: string;
	readonly server: string;
	/** Principal key; `gateway` for the gateway's own lists and handshakes. */
	readonly principal: string;
	/** A number no other exchange of this process has. */
	readonly nonce: number;
}

/** Counts answers that do not belong to the request they were about to reach: must stay 0. */
export interface Tripwire {
	/** Whether the answer may be delivered; a mismatch is counted. */
	matches(expected: Stamp, actual: Stamp): boolean;
	/** Counts an answer whose id nobody waits for. */
	misdirected(server: { readonly workspace: string; readonly slug: string }): void;
}

const nonces = (function* () {
	for (let nonce = 1; ; nonce++) yield nonce;
})();

/** A fresh stamp for one exchange. */
export function createStamp(workspace: string, server: string, principal: string): Stamp {
	return { workspace, server, principal, nonce: nonces.next().value };
}

/** `onTrip` and `onMisdirected` feed metrics and the log. */
export function createTripwire(observe: { trip(): void; misdirected(server: string): void }): Tripwire {
	return {
		matches(expected, actual) {
			const same =
				expected.nonce === actual.nonce &&
				expected.principal === actual.principal &&
				expected.workspace === actual.workspace &&
				expected.server === actual.server;
			if (!same) observe.trip();
			return same;
		},
		misdirected: (server) => observe.misdirected(`${server.workspace}/${server.slug}`),
	};
}
