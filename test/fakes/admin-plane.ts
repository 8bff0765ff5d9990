import { type AdminPlane, type AdminPlaneParts, createAdminPlane } from '../../src/admin/admin-plane.ts';
import type { Caller } from '../../src/admin/caller.ts';
import { createTrails } from '../../src/audit/trail.ts';
import type { Snapshot } from '../../src/config/snapshot.ts';
import { PortcullisError } from '../../src/errors/portcullis-error.ts';
import { principalKey } from '../../src/lib/principal-key.ts';
import { snapshotOf } from './snapshot.ts';

/** An answer of the management API. */
export interface ApiTold {
	readonly status: number;
	readonly headers: Readonly<Record<string, unknown>>;
	readonly text: string;
	// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of any shape.
	readonly json: any;
}

/** What one request says; `body` goes out as JSON unless it is text. */
export interface Asked {
	readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
	/** Below `/api/v1`. */
	readonly path: string;
	readonly as?: string;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: unknown;
}

/** A management API in this process over which nothing else runs. */
export interface TestPlane {
	ask(asked: Asked): Promise<ApiTold>;
	/** Lines of the audit so far. */
	audit(): readonly Readonly<Record<string, unknown>>[];
	/** Makes the audit refuse to keep anything. */
	loseAudit(): void;
	close(): Promise<void>;
}

/** A principal who holds `write` in `google` and nothing else. */
function writerNamed(name: string): Caller {
	const known = { vouchedBy: 'token', expiresAt: Number.POSITIVE_INFINITY };
	const identity = { issuer: 'https://login.example', tid: 'directory', oid: name };
	const grants = new Map([
		['google', { workspace: 'google', workspaceId: 'google', level: 'write' as const, rules: ['grants[0]'] }],
	]);
	return {
		kind: 'principal',
		principal: { ...identity, ...known, key: principalKey(identity), name, platformLevel: undefined, grants },
	};
}

/** Builds a management API of these operations; callers are writers in `google`, named by `as`, or the operator. */
export async function startTestPlane(
	parts: Pick<AdminPlaneParts, 'routes' | 'idempotency' | 'timeoutMs'>,
	snapshot: Snapshot = snapshotOf(['google', 'microsoft']),
): Promise<TestPlane> {
	const lines: string[] = [];
	let lost = false;
	const keep = (line: string): void => {
		if (lost) throw Object.assign(new Error('no space'), { code: 'ENOSPC' });
		lines.push(line);
	};
	const records = { keep, keepTogether: async (line: string) => keep(line), reopen() {}, close() {} };
	const plane: AdminPlane = createAdminPlane({
		...parts,
		snapshots: { current: () => snapshot, onChange: () => undefined },
		openTrail: createTrails({ records, now: Date.now, onOutcome: () => undefined }),
		isDraining: () => false,
		isStale: () => false,
		callerOf({ rawHeaders: headers }) {
			const name = headers[headers.indexOf('authorization') + 1] ?? '';
			if (name === 'operator') return { kind: 'operator' };
			if (!headers.includes('authorization')) throw new PortcullisError('PC_TOKEN_MISSING');
			return writerNamed(name);
		},
	});
	await plane.ready();
	return {
		ask: (asked) => ask(plane, asked),
		audit: () => lines.map((line) => JSON.parse(line)),
		loseAudit: () => {
			lost = true;
		},
		close: () => plane.close(),
	};
}

async function ask(plane: AdminPlane, { method = 'GET', path, as = 'alice', headers, body }: Asked): Promise<ApiTold> {
	const { status, text, ...told } = await plane.ask({
		method,
		url: `/api/v1${path}`,
		headers: {
			...(as !== '' && { authorization: as }),
			...(body !== undefined && { 'content-type': 'application/json' }),
			...headers,
		},
		...(body !== undefined && { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
	});
	return { ...told, status, text, json: text === '' ? undefined : JSON.parse(text) };
}
