import type { FixedSealer } from '../../lib/fixed-seal.ts';

/** Whose a task is: the person, and the scope key of server and credential. */
export interface TaskOwner {
	readonly principal: string;
	readonly scope: string;
}

/** A task as its server knows it, and the tool that began it (or ''), by which calls about the task are judged. */
export interface Task {
	readonly id: string;
	readonly tool: string;
}

/**
 * Task ids as callers see them (extension io.modelcontextprotocol/tasks). Behind one credential a server cannot tell
 * people apart and would show anybody's task to whoever names it, so the id itself says whose it is.
 */
export interface TaskIds {
	/** The caller's id of a task: always the same for the same owner and task. */
	wrap(task: Task, owner: TaskOwner): string;
	/** The task, or `undefined` when the id is not ours or was given to somebody else. */
	open(id: string, owner: TaskOwner): Task | undefined;
}

/** Task ids sealed by `sealer`; nothing of them is remembered. */
export function createTaskIds(sealer: FixedSealer): TaskIds {
	return {
		wrap: ({ id, tool }, owner) => sealer.seal(JSON.stringify([id, tool]), holderOf(owner)),
		open(wrapped, owner) {
			const text = sealer.open(wrapped, holderOf(owner));
			if (text === undefined) return undefined;
			const [id, tool] = JSON.parse(text) as [string, string];
			return { id, tool };
		},
	};
}

function holderOf({ principal, scope }: TaskOwner): string {
	return JSON.stringify([principal, scope]);
}
