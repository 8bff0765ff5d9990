import { PortcullisError } from '../../errors/portcullis-error.ts';
import { type Member, memberOf, replaceSpans } from '../../lib/json-text.ts';
import { asObject, type Call, type JsonObject } from '../call.ts';
import { mirroredMember } from '../methods.ts';
import { encodeHeaderText, META } from './envelope.ts';
import { bindingOf, type RequestStates } from './request-state.ts';
import type { TaskIds, TaskOwner } from './task-ids.ts';

/** What of a call's message changes on its way to a server that gave out what the caller sends back. */
export interface RestoredCall {
	/** The message with the server's own state or ids; every other byte is the caller's. */
	readonly text: string;
	/** `Mcp-Name` with the server's own id; `undefined`: as the caller sent it. */
	readonly nameHeader: string | undefined;
	/** The caller's ids of the tasks that the call is about, by the server's; `undefined` when it is about none. */
	readonly taskIds: ReadonlyMap<string, string> | undefined;
	/** The tool that began the task that the call is about, where it was one. */
	readonly tool: string | undefined;
}

/** What sealed states and ids are read with. */
export interface RestoreParts {
	readonly states: RequestStates;
	readonly tasks: TaskIds;
}

/** The extension that has tasks (io.modelcontextprotocol/tasks, 2026-07-28). */
const TASKS = 'io.modelcontextprotocol/tasks';

/** Whether a result of this method may ask for input, and a retry of it bring a state (2026-07-28: patterns/mrtr). */
export function mayAskForInput(method: string): boolean {
	return method === 'tools/call' || method === 'prompts/get' || method === 'resources/read';
}

/** What a request state of the call is about, by the server's own name: `params.name` or `params.uri`. */
export function targetOf(call: Call): string {
	const member = mirroredMember(call.method);
	const value = member === undefined ? undefined : call.params[member];
	return typeof value === 'string' ? value : '';
}

/** Whether the call brings something back that was sealed on its way out; asked on every modern call. */
export function bearsSealed(call: Call): boolean {
	if (mayAskForInput(call.method)) return paramOf(call.params, 'requestState') !== undefined;
	if (call.method === 'subscriptions/listen') return taskFilterOf(call) !== undefined;
	return mirroredMember(call.method) === 'taskId';
}

/**
 * Opens what `bearsSealed` found. Throws PC_REQUEST_STATE_INVALID, PC_TASK_UNKNOWN or PC_CAPABILITY_REQUIRED: what is not
 * this owner's is as unknown as what never was.
 */
export function restoreCall(parts: RestoreParts, call: Call, owner: TaskOwner): RestoredCall {
	if (mayAskForInput(call.method)) return restoreState(parts.states, call, owner);
	checkDeclared(call);
	if (call.method === 'subscriptions/listen') return restoreFilter(parts.tasks, call, owner);
	return restoreTask(parts.tasks, call, owner);
}

function restoreState(states: RequestStates, call: Call, { principal, scope }: TaskOwner): RestoredCall {
	const binding = bindingOf(call, { key: principal }, scope, targetOf(call));
	const { upstream } = states.read(call.params['requestState'], binding);
	// A state without the server's own belongs to a call that waits elsewhere.
	if (upstream === undefined)
		throw new PortcullisError('PC_REQUEST_STATE_INVALID', { detail: 'no state of the server' });
	const text = replaceSpans(call.text, [{ ...paramSpan(call, 'requestState'), text: JSON.stringify(upstream) }]);
	return { text, nameHeader: undefined, taskIds: undefined, tool: undefined };
}

function restoreTask(tasks: TaskIds, call: Call, owner: TaskOwner): RestoredCall {
	const given = call.params['taskId'];
	if (typeof given !== 'string') throw new PortcullisError('PC_PARAMS_INVALID');
	const task = tasks.open(given, owner);
	if (task === undefined) throw new PortcullisError('PC_TASK_UNKNOWN');
	const text = replaceSpans(call.text, [{ ...paramSpan(call, 'taskId'), text: JSON.stringify(task.id) }]);
	const taskIds = new Map([[task.id, given]]);
	return { text, nameHeader: encodeHeaderText(task.id), taskIds, tool: task.tool || undefined };
}

// What nobody knows is left out, and the server's acknowledgement says what it took (tasks: status notifications).
function restoreFilter(tasks: TaskIds, call: Call, owner: TaskOwner): RestoredCall {
	const filter = taskFilterOf(call);
	if (!Array.isArray(filter)) throw new PortcullisError('PC_PARAMS_INVALID');
	const taskIds = new Map<string, string>();
	for (const given of filter) {
		const task = typeof given === 'string' ? tasks.open(given, owner) : undefined;
		if (task !== undefined) taskIds.set(task.id, given as string);
	}
	const span = memberOf(call.text, 'taskIds', paramSpan(call, 'notifications').start) as Member;
	const text = replaceSpans(call.text, [{ ...span, text: JSON.stringify([...taskIds.keys()]) }]);
	return { text, nameHeader: undefined, taskIds, tool: undefined };
}

function taskFilterOf(call: Call): unknown {
	const filter = asObject(paramOf(call.params, 'notifications'));
	return filter === undefined ? undefined : paramOf(filter, 'taskIds');
}

// A server has to refuse those who did not declare the extension before it looks at the id (tasks: protocol errors).
function checkDeclared(call: Call): void {
	const declared = asObject(asObject(call.params['_meta'])?.[META.clientCapabilities]);
	if (asObject(asObject(declared?.['extensions'])?.[TASKS]) !== undefined) return;
	const requiredCapabilities = { extensions: { [TASKS]: {} } };
	throw new PortcullisError('PC_CAPABILITY_REQUIRED', { data: { requiredCapabilities } });
}

function paramSpan(call: Call, name: string): Member {
	return memberOf(call.text, name, call.paramsSpan?.start) as Member;
}

// Some servers read names without regard to case; to them another spelling would carry what nobody has checked.
function paramOf(params: JsonObject, name: string): unknown {
	for (const key in params) {
		if (key.length === name.length && key !== name && folded(key) === folded(name))
			throw new PortcullisError('PC_PARAMS_INVALID');
	}
	return params[name];
}

function folded(name: string): string {
	return name.toLowerCase().replaceAll('ſ', 's');
}
