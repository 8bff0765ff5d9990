import type { Era } from './revisions.ts';

/** What a method does to the server, as far as policy cares: `tool` is judged by the tool, `unknown` as a write. */
export type MethodEffect = 'read' | 'tool' | 'unknown';

/** The four kinds of lists a server offers. */
export type ListKind = 'tools' | 'prompts' | 'resources' | 'templates';

interface MethodRow {
	readonly effect: MethodEffect;
	readonly eras: readonly Era[];
	/** `params` member that `Mcp-Name` mirrors on 2026-07-28. */
	readonly mirrored?: 'name' | 'uri' | 'taskId';
	readonly list?: ListKind;
}

const BOTH: readonly Era[] = ['modern', 'legacy'];

const METHODS: Readonly<Record<string, MethodRow>> = {
	'server/discover': { effect: 'read', eras: ['modern'] },
	initialize: { effect: 'read', eras: ['legacy'] },
	ping: { effect: 'read', eras: ['legacy'] },
	'logging/setLevel': { effect: 'read', eras: ['legacy'] },
	'tools/list': { effect: 'read', eras: BOTH, list: 'tools' },
	'tools/call': { effect: 'tool', eras: BOTH, mirrored: 'name' },
	'prompts/list': { effect: 'read', eras: BOTH, list: 'prompts' },
	'prompts/get': { effect: 'read', eras: BOTH, mirrored: 'name' },
	'resources/list': { effect: 'read', eras: BOTH, list: 'resources' },
	'resources/templates/list': { effect: 'read', eras: BOTH, list: 'templates' },
	'resources/read': { effect: 'read', eras: BOTH, mirrored: 'uri' },
	'resources/subscribe': { effect: 'read', eras: ['legacy'] },
	'resources/unsubscribe': { effect: 'read', eras: ['legacy'] },
	'completion/complete': { effect: 'read', eras: BOTH },
	'subscriptions/listen': { effect: 'read', eras: ['modern'] },
	'tasks/get': { effect: 'unknown', eras: BOTH, mirrored: 'taskId' },
	'tasks/update': { effect: 'unknown', eras: ['modern'], mirrored: 'taskId' },
	'tasks/cancel': { effect: 'unknown', eras: BOTH, mirrored: 'taskId' },
	'notifications/initialized': { effect: 'read', eras: ['legacy'] },
	'notifications/cancelled': { effect: 'read', eras: BOTH },
	'notifications/progress': { effect: 'read', eras: ['legacy'] },
	'notifications/roots/list_changed': { effect: 'read', eras: ['legacy'] },
};

function rowOf(method: string): MethodRow | undefined {
	return Object.hasOwn(METHODS, method) ? METHODS[method] : undefined;
}

/** Effect of a method; methods nobody told us about count as `unknown`. */
export function effectOf(method: string): MethodEffect {
	return rowOf(method)?.effect ?? 'unknown';
}

/** Whether a method that the table knows was removed from or is not yet in this era. */
export function isForeignTo(method: string, era: Era): boolean {
	const row = rowOf(method);
	return row !== undefined && !row.eras.includes(era);
}

/** The `params` member that the `Mcp-Name` header mirrors (2026-07-28: basic/transports, standard headers). */
export function mirroredMember(method: string): 'name' | 'uri' | 'taskId' | undefined {
	return rowOf(method)?.mirrored;
}

/** Which list a method asks for, or `undefined`. */
export function listKindOf(method: string): ListKind | undefined {
	return rowOf(method)?.list;
}

/** Method and result member of each kind of list. */
export const LISTS: Readonly<Record<ListKind, { readonly method: string; readonly member: string }>> = {
	tools: { method: 'tools/list', member: 'tools' },
	prompts: { method: 'prompts/list', member: 'prompts' },
	resources: { method: 'resources/list', member: 'resources' },
	templates: { method: 'resources/templates/list', member: 'resourceTemplates' },
};
