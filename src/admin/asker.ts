import type { AccessLevel, Snapshot } from '../config/snapshot.ts';
import type { Grant, Principal } from '../identity/principal.ts';
import { principalKey } from '../lib/principal-key.ts';
import { type Caller, OPERATOR_IDENTITY } from './caller.ts';

/** Who a caller is towards servers: themselves, or for the operator an administrator of every workspace. */
export function askerOf({ principal }: Caller, { workspaces }: Pick<Snapshot, 'workspaces'>): Principal {
	if (principal !== undefined) return principal;
	const grants = Array.from(workspaces.keys(), (slug) => [slug, grantOf(slug, 'admin')] as const);
	const { oid } = OPERATOR_IDENTITY;
	const key = principalKey(OPERATOR_IDENTITY);
	return { ...OPERATOR_IDENTITY, key, name: oid, platformLevel: 'admin', grants: new Map(grants) };
}

/** Somebody who holds this level in the workspace, and is nobody else. */
export function holderOf(workspace: string, level: AccessLevel): Principal {
	const nobody = { issuer: '', tid: '', oid: '' };
	const grants = new Map([[workspace, grantOf(workspace, level)]]);
	return { ...nobody, key: principalKey(nobody), name: level, platformLevel: undefined, grants };
}

function grantOf(workspace: string, level: AccessLevel): Grant {
	return { workspace, level, rules: [] };
}
