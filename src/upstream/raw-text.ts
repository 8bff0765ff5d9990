import { type Member, memberOf, membersOf, replaceSpans } from '../lib/json-text.ts';
import { asObject, type JsonObject } from '../mcp/call.ts';
import { bindingOf, type RequestStates } from '../mcp/modern/request-state.ts';
import { mayAskForInput, targetOf } from '../mcp/modern/restore-call.ts';
import type { TaskIds } from '../mcp/modern/task-ids.ts';
import type { RawRoute } from '../router/route.ts';
import type { OutgoingRequest } from './forward-request.ts';

/** A call whose message passes as it is. */
export type RawRequest = OutgoingRequest<RawRoute>;

/** What seals the states and ids that a server gives out, on their way to the caller. */
export interface RawSeals {
	readonly states: RequestStates;
	readonly tasks: TaskIds;
}

/** A message of a server, as text and parsed. */
export interface RawMessageText {
	readonly text: string;
	readonly value: JsonObject;
}

/**
 * A response as the caller may see it: its state and task id sealed for this caller, its scope private. Where there is
 * nothing of the kind the text is returned as it is; otherwise all other bytes stay.
 */
export function callerText(seals: RawSeals, request: RawRequest, { text, value }: RawMessageText): string {
	const result = asObject(value['result']);
	if (result === undefined || request.call.era !== 'modern' || isPlain(result, request)) return text;
	const changes = changesOf(seals, request, result);
	const start = memberOf(text, 'result')?.start as number;
	return replaceMembers(text, start, changes);
}

function isPlain({ cacheScope, resultType }: JsonObject, { route }: RawRequest): boolean {
	const isPrivate = cacheScope === undefined || cacheScope === 'private';
	return isPrivate && (resultType === 'complete' || resultType === undefined) && route.restored === undefined;
}

// Values are JSON text.
type Changes = Map<string, string>;

function changesOf(seals: RawSeals, request: RawRequest, result: JsonObject): Changes {
	const { cacheScope, requestState } = result;
	const changes: Changes = new Map();
	// A gateway answers one caller at a time with that caller's credential, so nothing it passes on is public.
	if (cacheScope !== undefined && cacheScope !== 'private') changes.set('cacheScope', '"private"');
	const asks = result['resultType'] === 'input_required' && mayAskForInput(request.call.method);
	if (asks && typeof requestState === 'string') {
		changes.set('requestState', JSON.stringify(sealedState(seals, request, requestState)));
	}
	const taskId = sealedTaskId(seals, request, result);
	if (taskId !== undefined) changes.set('taskId', JSON.stringify(taskId));
	return changes;
}

function sealedState({ states }: RawSeals, { call, principal, credential }: RawRequest, upstream: string): string {
	return states.mint(bindingOf(call, principal, credential.key, targetOf(call)), { upstream });
}

// A call about a task is answered with the caller's own id of it; any other result may begin a task.
function sealedTaskId({ tasks }: RawSeals, request: RawRequest, result: JsonObject): string | undefined {
	const { call, route, principal, credential } = request;
	const id = result['taskId'];
	if (typeof id !== 'string') return undefined;
	if (call.method.startsWith('tasks/')) return route.restored?.taskIds?.get(id);
	if (result['resultType'] !== 'task') return undefined;
	const tool = call.method === 'tools/call' ? targetOf(call) : '';
	return tasks.wrap({ id, tool }, { principal: principal.key, scope: credential.key });
}

// All members of a name, should a server have written one twice.
function replaceMembers(text: string, at: number, changes: Changes): string {
	const replacements = membersOf(text, at).flatMap(({ key, start, end }) => {
		const replacement = changes.get(key);
		return replacement === undefined ? [] : [{ start, end, text: replacement }];
	});
	return replaceSpans(text, replacements);
}

/**
 * A notification as the caller may see it, or `undefined` when it is about somebody else's task: behind one credential
 * a server may take all callers for one.
 */
export function callerFrameText({ call, route }: RawRequest, { text, value }: RawMessageText): string | undefined {
	if (call.era !== 'modern') return text;
	const params = asObject(value['params']);
	if (value['method'] === 'notifications/tasks') return taskNotice(text, params, route);
	if (value['method'] === 'notifications/subscriptions/acknowledged') return acknowledgement(text, params, route);
	return text;
}

function taskNotice(text: string, params: JsonObject | undefined, { restored }: RawRoute): string | undefined {
	const id = params?.['taskId'];
	const known = typeof id === 'string' ? restored?.taskIds?.get(id) : undefined;
	if (known === undefined) return undefined;
	return replaceMembers(text, startOf(text, 'params', 0), new Map([['taskId', JSON.stringify(known)]]));
}

function acknowledgement(text: string, params: JsonObject | undefined, { restored }: RawRoute): string {
	const ids = asObject(params?.['notifications'])?.['taskIds'];
	if (!Array.isArray(ids)) return text;
	const known = ids.flatMap((id: unknown) => restored?.taskIds?.get(id as string) ?? []);
	const start = startOf(text, 'notifications', startOf(text, 'params', 0));
	return replaceMembers(text, start, new Map([['taskIds', JSON.stringify(known)]]));
}

function startOf(text: string, key: string, at: number): number {
	return (memberOf(text, key, at) as Member).start;
}
