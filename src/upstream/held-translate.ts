import { PortcullisError } from '../errors/portcullis-error.ts';
import { editObject, memberOf, objectText, sliceOf } from '../lib/json-text.ts';
import type { Frame } from '../mcp/answer.ts';
import { asObject, type Call, type JsonObject, successText } from '../mcp/call.ts';
import { mayBeAskedThis, opensPages } from '../mcp/client-features.ts';
import type { InnerState } from '../mcp/modern/request-state.ts';
import { type Crossing, projectResult } from '../mcp/project.ts';
import { inputRequiredResult, pagesToOpen } from '../mcp/question.ts';
import { askedIn } from './dialogue.ts';
import { isFailure } from './raw-call.ts';
import type { WireResponse } from './wire.ts';

/** A response for the caller, with the HTTP status it has when it comes alone. */
export type CallerFrame = Frame & { readonly status: number };

/** Whom a response is for. */
export interface Addressee {
	readonly call: Call;
	readonly crossing: Crossing;
	/** Client capabilities that travelled with the call. */
	readonly profile: string;
	/** A request state of ours for this call; modern callers only. */
	mint(inner: InnerState): string;
	/** The caller's id of a task that the call began or is about; `undefined` for a task of somebody else. */
	taskIdFor(upstreamId: string): string | undefined;
	/** Whether calls about a task find their way back to the server: at its own address, both sides modern. */
	readonly carriesTasks: boolean;
}

/** A server's response in the words of its caller's era, under the caller's id. */
export function translate(response: WireResponse, to: Addressee): CallerFrame {
	const { call, crossing } = to;
	const error = asObject(response.value['error']);
	if (error !== undefined) return translateError(response, error, to);
	const result = memberOf(response.text, 'result');
	const value = asObject(response.value['result']);
	if (result === undefined || value === undefined) throw new PortcullisError('PC_UPSTREAM_INVALID');
	const kind = value['resultType'] ?? 'complete';
	const text = sliceOf(response.text, result);
	if (kind === 'input_required' && call.era === 'modern') {
		checkQuestions(response, to);
		return asking(call, withOwnState(text, to));
	}
	// Questions that the caller cannot be asked, and what only two modern sides understand (docs/protocol.md).
	if (kind !== 'complete' && !to.carriesTasks)
		throw new PortcullisError('PC_CLIENT_FEATURE_UNSUPPORTED', { detail: `resultType ${String(kind)}` });
	const projected = projectResult(withOwnTaskId(text, value, to), call.method, crossing);
	return { data: successText(call.idText, projected), failed: isFailure(response.value), status: 200 };
}

/** The frame that asks a modern caller. */
export function asking(call: Call, result: string): CallerFrame {
	return { data: successText(call.idText, result), failed: false, status: 200 };
}

// A task is its caller's; the server behind a shared credential would show it to whoever names it.
function withOwnTaskId(text: string, { taskId, resultType }: JsonObject, to: Addressee): string {
	const isAbout = resultType === 'task' || to.call.method.startsWith('tasks/');
	if (!to.carriesTasks || !isAbout || typeof taskId !== 'string') return text;
	const own = to.taskIdFor(taskId);
	if (own === undefined)
		throw new PortcullisError('PC_UPSTREAM_INVALID', { detail: 'the answer is about another task' });
	return editObject(text, { taskId: JSON.stringify(own) });
}

// A server asks only what the client declared and what the configuration lets it ask (mcp 2026-07-28: patterns/mrtr).
function checkQuestions(response: WireResponse, { profile }: Addressee): void {
	const questions = askedIn(response)?.questions ?? [];
	const strange = questions.find(({ method, params }) => !mayBeAskedThis(profile, method, params));
	if (strange !== undefined) throw new PortcullisError('PC_CLIENT_FEATURE_UNSUPPORTED', { detail: strange.method });
}

// The caller never holds a state that the server would take from somebody else.
function withOwnState(result: string, to: Addressee): string {
	const state = memberOf(result, 'requestState');
	if (state === undefined) return result;
	const upstream = String(JSON.parse(sliceOf(result, state)));
	return editObject(result, { requestState: JSON.stringify(to.mint({ upstream })) });
}

const METHOD_NOT_FOUND = -32601;
const LEGACY_RESOURCE_NOT_FOUND = -32002;
const INVALID_PARAMS = -32602;
const MISSING_CAPABILITY = -32021;
const PAGE_REQUIRED = -32042;
/** Spec codes about the hop between gateway and server: not the caller's to see. */
const HOP_CODES = new Set([-32020, -32022]);

function translateError({ text }: WireResponse, error: JsonObject, to: Addressee): CallerFrame {
	const { call, crossing } = to;
	const code = Number.isSafeInteger(error['code']) ? (error['code'] as number) : -32603;
	const detail = `the server answered ${code}`;
	if (HOP_CODES.has(code) && crossing.from === 'modern') throw new PortcullisError('PC_INTERNAL', { detail });
	if (code === PAGE_REQUIRED && call.era === 'modern') return askToOpen(error['data'], to);
	const isForeign = code === MISSING_CAPABILITY && crossing.from === 'modern' && call.era === 'legacy';
	if (isForeign) throw new PortcullisError('PC_CLIENT_FEATURE_UNSUPPORTED', { detail });
	const projected = crossing.to === 'modern' && code === LEGACY_RESOURCE_NOT_FOUND ? INVALID_PARAMS : code;
	const message = typeof error['message'] === 'string' ? error['message'] : 'The server answered with an error.';
	// As the server spelled it: numbers and members of its own survive.
	const whole = memberOf(text, 'error');
	const data = whole && memberOf(text, 'data', whole.start);
	const body = objectText({
		code: String(projected),
		message: JSON.stringify(message),
		...(data !== undefined && { data: sliceOf(text, data) }),
	});
	const status = call.era === 'modern' ? (STATUS[projected] ?? 200) : 200;
	return { data: `{"jsonrpc":"2.0","id":${call.idText},"error":${body}}`, failed: true, status };
}

/** HTTP statuses that a modern caller expects with these codes (mcp 2026-07-28: basic/transports). */
const STATUS: Readonly<Record<number, number>> = { [METHOD_NOT_FOUND]: 404, [MISSING_CAPABILITY]: 400 };

// Nothing waits at the server: the caller opens the pages and makes the same call again.
function askToOpen(data: unknown, to: Addressee): CallerFrame {
	const pages = pagesToOpen(data);
	if (!opensPages(to.profile) || Object.keys(pages).length === 0) {
		throw new PortcullisError('PC_CLIENT_FEATURE_UNSUPPORTED', { detail: 'elicitation of a page' });
	}
	return asking(to.call, inputRequiredResult(pages, to.mint({})));
}
