import * as z from 'zod';
import { secretNames } from '../config/credential-fault.ts';
import type { Server } from '../config/snapshot.ts';
import { renderCredential } from '../credentials/render-credential.ts';
import { errorCode } from '../errors/portcullis-error.ts';
import { createSecret } from '../lib/secret.ts';
import type { CredentialRow } from '../store/queries/credential.ts';
import { type InputFault, inputInvalid } from './input-invalid.ts';

const NAME = z.string().regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/);
const MOST_VALUES = 32;

/** Named secrets as they are sent; they are never shown again. */
export const VALUES = z
	.record(NAME, z.string().min(1).max(16_384))
	.refine((values) => Object.keys(values).length > 0 && Object.keys(values).length <= MOST_VALUES, {
		message: `give 1 to ${MOST_VALUES} values`,
	})
	.describe('By the names that the server writes as ${secret:NAME}. Write-only: no answer holds them.');

/** A credential as it is shown: nothing of it can be used. */
export const CREDENTIAL = z
	.strictObject({
		id: z.uuid(),
		server: z.string(),
		owner: z
			.strictObject({ issuer: z.string(), tid: z.string(), oid: z.string() })
			.nullable()
			.describe('Whose it is; null: the workspace.'),
		kind: z.enum(['values', 'oauth', 'reference']),
		names: z.array(z.string()).describe('Names of what is in it.'),
		state: z.enum(['ok', 'needs-attention']),
		reason: z.string().nullable().describe('Why it needs attention.'),
		keyId: z.string().nullable().describe('Wrapping key it is sealed with.'),
		reference: z.record(z.string(), z.unknown()).nullable().describe('Where the secret lies, when it lies outside.'),
		scopes: z.array(z.string()),
		connectedAs: z.string(),
		expiresAt: z.string().meta({ format: 'date-time' }).nullable(),
		createdBy: z.string(),
		version: z.int().describe('Of this resource; its ETag.'),
		createdAt: z.string().meta({ format: 'date-time' }),
		updatedAt: z.string().meta({ format: 'date-time' }),
	})
	.meta({ id: 'Credential' });

/** The row as it is shown. */
export function showCredential(row: CredentialRow): z.output<typeof CREDENTIAL> {
	const { id, server, kind, state, reason, keyId, reference, connectedAs, createdBy, version } = row;
	const { issuer, tid, oid } = row;
	return {
		...{ id, server, kind, state, reason, keyId, reference, connectedAs, createdBy, version },
		owner: issuer === null || tid === null || oid === null ? null : { issuer, tid, oid },
		names: [...row.names],
		scopes: [...row.scopes],
		expiresAt: row.expiresAt?.toISOString() ?? null,
		createdAt: row.createdAt.toISOString(),
		updatedAt: row.updatedAt.toISOString(),
	};
}

/** Throws PC_INPUT_INVALID where a value that the server names is not given, or cannot stand where it goes. */
export function requireFitting({ transport }: Server, values: Readonly<Record<string, string>>): void {
	const lacking = [...secretNames(transport)].filter((name) => !Object.hasOwn(values, name));
	const faults = lacking.map((name): InputFault => ({ path: `body.values.${name}`, message: 'the server names it' }));
	if (faults.length > 0) throw inputInvalid(faults);
	const secrets = Object.entries(values).map(([name, value]) => [name, createSecret(value)] as const);
	try {
		renderCredential(transport, Object.fromEntries(secrets));
	} catch (error) {
		if (errorCode(error) !== 'PC_CREDENTIAL_MISSING') throw error;
		throw inputInvalid([{ path: 'body.values', message: 'a value cannot stand where the server writes it' }]);
	}
}
