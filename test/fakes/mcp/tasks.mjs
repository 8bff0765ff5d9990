/** The tasks of the extension io.modelcontextprotocol/tasks: work that goes on after its call. Runs under plain node. */
import { randomUUID } from 'node:crypto';
import { declaredWith, missingCapability } from './rounds.mjs';
import { RpcError } from './rpc.mjs';

/**
 * @typedef {import('./rounds.mjs').Questions} Questions
 * @typedef {{ signal: AbortSignal, ask: (questions: Questions) => Promise<Record<string, any>> }} Work
 * @typedef {{ view: Record<string, any>, controller: AbortController, answers: Record<string, any>,
 *   resume: (() => void) | undefined }} Task
 */

export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';

const TTL_MS = 300_000;
const POLL_INTERVAL_MS = 100;
const TERMINAL = ['completed', 'failed', 'cancelled'];

/**
 * Tells whether a client with these capabilities can follow a task.
 *
 * @param {Record<string, any>} declared
 */
export const declaresTasks = (declared) => declared['extensions']?.[TASKS_EXTENSION] !== undefined;

/** The error for a client that cannot follow a task where there must be one. */
export const tasksRequired = () => missingCapability({ extensions: { [TASKS_EXTENSION]: {} } });

/** @param {Task} task */
const isOver = ({ view }) => TERMINAL.includes(view.status);

/** What a status brings along; what an earlier one brought is gone. */
const DETAILS = { inputRequests: undefined, result: undefined, error: undefined, statusMessage: undefined };

/**
 * Keeps tasks and tells their listeners of every change.
 *
 * @param {(method: string, params: Record<string, any>) => void} broadcast
 */
export function createTaskStore(broadcast) {
	/** @type {Map<string, Task>} */
	const tasks = new Map();

	/**
	 * @param {Task} task
	 * @param {Record<string, unknown>} change
	 */
	function change(task, change) {
		if (isOver(task)) return;
		const view = { ...task.view, ...DETAILS, ...change, lastUpdatedAt: new Date().toISOString() };
		task.view = Object.fromEntries(Object.entries(view).filter(([, value]) => value !== undefined));
		broadcast('notifications/tasks', task.view);
	}

	/**
	 * @param {Task} task
	 * @param {Questions} questions
	 */
	async function ask(task, questions) {
		task.answers = {};
		await new Promise((resolve) => {
			task.resume = () => resolve(undefined);
			change(task, { status: 'input_required', inputRequests: questions });
		});
		task.resume = undefined;
		return task.answers;
	}

	/**
	 * @param {Task} task
	 * @param {(work: Work) => Promise<object>} run
	 */
	async function follow(task, run) {
		const { signal } = task.controller;
		try {
			const result = await run({ signal, ask: (questions) => ask(task, questions) });
			change(task, { status: 'completed', result });
		} catch (error) {
			const { code = -32603, message } = /** @type {RpcError} */ (error);
			change(task, { status: 'failed', statusMessage: message, error: { code, message } });
		}
	}

	/** @param {any} context */
	function find({ request, params }) {
		if (!declaresTasks(declaredWith(request))) throw tasksRequired();
		const task = tasks.get(params.taskId);
		if (!task) throw new RpcError(-32602, 'Task not found', { data: { taskId: params.taskId } });
		return task;
	}

	return {
		/**
		 * Starts a task and answers its handle.
		 *
		 * @param {(work: Work) => Promise<object>} run
		 */
		start(run) {
			const now = new Date().toISOString();
			const taskId = randomUUID();
			const times = { createdAt: now, lastUpdatedAt: now, ttlMs: TTL_MS, pollIntervalMs: POLL_INTERVAL_MS };
			const view = { taskId, status: 'working', ...times };
			/** @type {Task} */
			const task = { view, controller: new AbortController(), answers: {}, resume: undefined };
			tasks.set(taskId, task);
			// Later, so that nobody hears of the task before its call is answered.
			setImmediate(() => void follow(task, run));
			return { resultType: 'task', ...view };
		},
		/** @param {any} context */
		get: (context) => ({ ...find(context).view }),
		/** @param {any} context */
		update(context) {
			const task = find(context);
			const pending = { ...task.view['inputRequests'] };
			for (const [key, answer] of Object.entries(context.params.inputResponses ?? {})) {
				if (pending[key] === undefined) continue;
				task.answers[key] = answer;
				delete pending[key];
			}
			const open = Object.keys(pending).length > 0;
			if (open) change(task, { status: 'input_required', inputRequests: pending });
			else if (task.resume) change(task, { status: 'working' });
			if (!open) task.resume?.();
			return {};
		},
		/** @param {any} context */
		cancel(context) {
			const task = find(context);
			change(task, { status: 'cancelled' });
			task.controller.abort();
			return {};
		},
	};
}
