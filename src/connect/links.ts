import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { Server, SnapshotSource } from '../config/snapshot.ts';
import { isForSignIn } from '../identity/sign-in/sign-in-directory.ts';
import { type Identity, principalKey } from '../lib/principal-key.ts';
import type { SealerOf } from './sealers.ts';

/** Which server a refused call needs an account for. */
export interface LinkedServer {
	readonly workspaceId: string;
	readonly server: string;
}

/** Links from a refused call to the page where its person, and nobody else, can connect an account. */
export interface ConnectLinks {
	/** `undefined` where the person's directory has no sign-in, or the gateway does not know its own address. */
	linkFor(person: Identity, server: Pick<Server, 'workspaceId' | 'slug'>): string | undefined;
	/** What a link is about, for the person it was made for; `undefined` for everybody else. */
	openFor(person: Identity, reference: string): LinkedServer | undefined;
}

const REFERENCE = z.strictObject({ w: z.string(), s: z.string(), p: z.string() });

/** Builds them: a reference is sealed, so that it tells whoever sees it neither the server nor the person. */
export function createConnectLinks(snapshots: Pick<SnapshotSource, 'current'>, sealerOf: SealerOf): ConnectLinks {
	const sealerFor = (person: Identity) => {
		const directories = snapshots.current().directories.filter(isForSignIn);
		const own = directories.find(({ issuer, tenantId }) => issuer === person.issuer && tenantId === person.tid);
		return own && sealerOf(own, 'link');
	};
	return {
		linkFor(person, { workspaceId, slug }) {
			const { url } = snapshots.current().names;
			const sealed = sealerFor(person)?.seal({ w: workspaceId, s: slug, p: digestOf(person) });
			return url === undefined || sealed === undefined ? undefined : `${url}/connect/call?for=${sealed}`;
		},
		openFor(person, reference) {
			const { data } = REFERENCE.safeParse(sealerFor(person)?.open(reference));
			return data?.p === digestOf(person) ? { workspaceId: data.w, server: data.s } : undefined;
		},
	};
}

// Short, since it stands in an address; the seal is what keeps it from being made up.
function digestOf(person: Identity): string {
	return createHash('sha256').update(principalKey(person)).digest('base64url').slice(0, 22);
}
