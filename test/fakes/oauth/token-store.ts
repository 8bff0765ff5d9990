type Payload = Record<string, unknown> & { grantId?: string; uid?: string; consumed?: number };

/** Where an authorization server of the tests keeps what it issued; nothing of it is shared with another. */
export interface TokenStore {
	/** Builds the adapter of one kind of record. */
	adapterOf(kind: string): object;
	/** Kinds and numbers of what is there. */
	count(kind: string): number;
	/** Forgets every record of a kind, as a server does whose administrator takes rights away. */
	drop(kind: string): void;
}

/** `graceMs`: how long a refresh token that was rotated still works, as many services let it. */
export function createTokenStore(graceMs: number): TokenStore {
	const records = new Map<string, { payload: Payload; endsAt: number; consumedAt: number | undefined }>();
	const keysOf = (kind: string) => [...records.keys()].filter((key) => key.startsWith(`${kind}:`));
	const read = (key: string): Payload | undefined => {
		const record = records.get(key);
		if (record === undefined || record.endsAt < Date.now()) return undefined;
		const { payload, consumedAt } = record;
		const isConsumed = consumedAt !== undefined && Date.now() - consumedAt >= graceMs;
		return isConsumed ? { ...payload, consumed: Math.floor(consumedAt / 1_000) } : payload;
	};
	const adapterOf = (kind: string) => ({
		async upsert(id: string, payload: Payload, expiresIn?: number) {
			const endsAt = expiresIn === undefined ? Number.POSITIVE_INFINITY : Date.now() + expiresIn * 1_000;
			records.set(`${kind}:${id}`, { payload, endsAt, consumedAt: undefined });
		},
		find: async (id: string) => read(`${kind}:${id}`),
		findByUid: async (uid: string) =>
			keysOf(kind)
				.map(read)
				.find((payload) => payload?.uid === uid),
		findByUserCode: async () => undefined,
		async consume(id: string) {
			const record = records.get(`${kind}:${id}`);
			if (record !== undefined) record.consumedAt = Date.now();
		},
		async destroy(id: string) {
			records.delete(`${kind}:${id}`);
		},
		async revokeByGrantId(grantId: string) {
			for (const [key, { payload }] of records) if (payload.grantId === grantId) records.delete(key);
		},
	});
	return {
		adapterOf,
		count: (kind) => keysOf(kind).length,
		drop(kind) {
			for (const key of keysOf(kind)) records.delete(key);
		},
	};
}
