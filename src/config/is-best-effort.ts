import type { Snapshot } from './snapshot.ts';

/** Whether calls in the workspace go on when their records cannot be kept; asked only then. */
export function isBestEffort({ workspaces }: Snapshot, workspaceId: string): boolean {
	return [...workspaces.values()].some(({ id, auditMode }) => id === workspaceId && auditMode === 'best-effort');
}
