/** The two families of revisions: per-request metadata (2026-07-28) or `initialize` handshake (until 2025-11-25). */
export type Era = 'modern' | 'legacy';

/** Revisions with per-request metadata, newest first (mcp 2026-07-28: basic/versioning). */
export const MODERN_REVISIONS: readonly string[] = ['2026-07-28'];

/** Revisions with the `initialize` handshake, newest first. */
export const LEGACY_REVISIONS: readonly string[] = ['2025-11-25', '2025-06-18', '2025-03-26', '2024-11-05'];

/** What a legacy request without an MCP-Protocol-Version header speaks (mcp 2025-06-18: basic/transports). */
export const ASSUMED_LEGACY_REVISION = '2025-03-26';

/** Newest revision of each era; what the gateway offers. */
export const NEWEST = { modern: '2026-07-28', legacy: '2025-11-25' } as const;

const FIRST_MODERN = '2026-07-28';
const DATE = /^\d{4}-\d{2}-\d{2}$/;

/** Era of a revision date; revisions are compared as dates, so a future one counts as modern. */
export function eraOf(revision: string): Era {
	return DATE.test(revision) && revision >= FIRST_MODERN ? 'modern' : 'legacy';
}

/** Whether the revision allows JSON-RPC batches (2025-03-26 and before; removed in 2025-06-18). */
export function allowsBatches(revision: string): boolean {
	return revision <= '2025-03-26';
}

/** The revision `initialize` is answered with: the asked one where known, else the newest legacy one. */
export function negotiateLegacy(asked: unknown): string {
	return typeof asked === 'string' && LEGACY_REVISIONS.includes(asked) ? asked : NEWEST.legacy;
}
