/** The tools of the conformance suite that become tasks. Runs under plain node. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ASK_NAME, elicit } from './conformance-questions.mjs';
import { converse, declaredBy } from './rounds.mjs';
import { RpcError } from './rpc.mjs';
import { declaresTasks, tasksRequired } from './tasks.mjs';

/**
 * Before: asked before there is a task. During: asked by the task itself. Required: never without a task.
 *
 * @typedef {import('./tools.mjs').Call} Call
 * @typedef {import('./rounds.mjs').Questions} Questions
 * @typedef {{ args: any, answers: Record<string, any>, signal: AbortSignal }} Facts
 * @typedef {{ required?: boolean, before?: Questions, during?: Questions,
 *   run: (facts: Facts) => Promise<object> }} TaskTool
 */

const A_MOMENT_MS = 300;

/** @param {string} text */
const textResult = (text) => ({ content: [{ type: 'text', text }] });

/**
 * @param {number} ms
 * @param {AbortSignal} signal
 */
const pause = (ms, signal) => sleep(ms, undefined, { signal, ref: false }).catch(() => undefined);

/** @param {string} message */
const confirmation = (message) => elicit(message, { confirm: { type: 'boolean' } });

/** @param {any} answer */
const agreed = ({ action, content }) => action === 'accept' && content?.confirm === true;

/** @type {Record<string, TaskTool>} */
const TOOLS = {
	slow_compute: {
		async run({ args, signal }) {
			await pause((args.seconds ?? 0) * 1_000, signal);
			return textResult(`Computed ${args.label ?? 'something'} for ${args.seconds} s`);
		},
	},
	failing_job: {
		required: true,
		async run({ signal }) {
			await pause(A_MOMENT_MS, signal);
			return { ...textResult('The job has failed'), isError: true };
		},
	},
	protocol_error_job: {
		async run({ signal }) {
			await pause(A_MOMENT_MS, signal);
			throw new RpcError(-32603, 'The job broke down');
		},
	},
	confirm_delete: {
		during: { confirm_1: confirmation('Delete it?') },
		async run({ args, answers }) {
			return textResult(`${args.filename}: ${agreed(answers['confirm_1']) ? 'deleted' : 'kept'}`);
		},
	},
	multi_input: {
		during: { first_1: ASK_NAME, second_1: confirmation('Is that all?') },
		run: async ({ answers }) => textResult(JSON.stringify(answers)),
	},
	test_tool_with_task: {
		required: true,
		before: { user_name: ASK_NAME },
		async run({ answers, signal }) {
			await pause(A_MOMENT_MS, signal);
			return textResult(`Hello, ${answers['user_name'].content?.name}!`);
		},
	},
};

/** @param {string} name */
export const isTaskTool = (name) => Object.hasOwn(TOOLS, name);

/**
 * Starts the task of a call, or does its work at once for a client that cannot follow a task.
 *
 * @param {string} name
 * @param {Call} call
 */
export async function runTaskTool(name, call) {
	const { args, exchange, state } = call;
	const { required, before, during, run } = /** @type {TaskTool} */ (TOOLS[name]);
	const declared = declaresTasks(declaredBy(call));
	if (!declared && required) throw tasksRequired();
	const rounds = [before, declared ? undefined : during].filter((round) => round !== undefined);
	const outcome = await converse(call, { rounds });
	if ('result' in outcome) return outcome.result;
	if (!declared) return run({ args, answers: outcome.answers, signal: exchange.signal });
	return state.tasks.start(async ({ signal, ask }) => {
		const answers = { ...outcome.answers, ...(during ? await ask(during) : {}) };
		return run({ args, answers, signal });
	});
}
