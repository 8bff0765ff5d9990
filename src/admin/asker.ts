import type { AccessLevel, Snapshot, Workspace } from '../config/snapshot.ts';
import type { Grant, Principal } from '../identity/principal.ts';
import { principalKey } from '../lib/principal-key.ts';
import { type Caller, OPERATOR_IDENTITY } from './caller.ts';

type NamedWorkspace = Pick<Workspace, 'slug' | 'id'>;

// Nobody of these comes by a token.
const VOUCHED = { vouchedBy: 'operator', expiresAt: Number.POSITIVE_INFINITY } as const;

/** Who a caller is towards servers: themselves, or for the operator an administrator of every workspace. */
export function askerOf({ principal }: Caller, { workspaces }: Pick<Snapshot, 'workspaces'>): Principal {
	if (principal !== undefined) return principal;
	const grants = Array.from(workspaces.values(), (each) => [each.slug, grantOf(each, 'admin')] as const);
	const { oid } = OPERATOR_IDENTITY;
	const key = principalKey(OPERATOR_IDENTITY);
	return { ...OPERATOR_IDENTITY, ...VOUCHED, key, name: oid, platformLevel: 'admin', grants: new Map(grants) };
}

/** Somebody who holds this level in the workspace, and is nobody else. */
export function holderOf(workspace: NamedWorkspace, level: AccessLevel): Principal {
	const nobody = { issuer: '', tid: '', oid: '' };
	const grants = new Map([[workspace.slug, grantOf(workspace, level)]]);
	return { ...nobody, ...VOUCHED, key: principalKey(nobody), name: level, platformLevel: undefined, grants };
}

function grantOf({ slug, id }: NamedWorkspace, level: AccessLevel): Grant {
	return { workspace: slug, workspaceId: id, level, rules: [] };
}
