/** `subscriptions/listen` of the modern revision, for http and stdio. Runs under plain node. */
import { declaredWith } from './rounds.mjs';
import { declaresTasks, tasksRequired } from './tasks.mjs';

const ID_KEY = 'io.modelcontextprotocol/subscriptionId';

const FILTER_OF = {
	'notifications/tools/list_changed': 'toolsListChanged',
	'notifications/prompts/list_changed': 'promptsListChanged',
	'notifications/resources/list_changed': 'resourcesListChanged',
};

/**
 * @param {Record<string, any>} filter
 * @param {string} method
 * @param {Record<string, any>} params
 */
function wants(filter, method, params) {
	if (method === 'notifications/resources/updated') return filter.resourceSubscriptions?.includes(params.uri) === true;
	if (method === 'notifications/tasks') return filter.taskIds?.includes(params.taskId) === true;
	return filter[FILTER_OF[/** @type {keyof typeof FILTER_OF} */ (method)]] === true;
}

/**
 * Throws when a listen asks for tasks and its client has not said that it can follow them.
 *
 * @param {any} request
 */
export function checkListen(request) {
	const wantsTasks = request.params?.notifications?.taskIds !== undefined;
	if (wantsTasks && !declaresTasks(declaredWith(request))) throw tasksRequired();
}

/** Open listens: each has the id of its request, its filter and a way to send one message. */
export function createListenRegistry() {
	/** @type {Set<{ id: unknown, filter: Record<string, any>, send: (message: object) => void }>} */
	const open = new Set();

	/** @param {unknown} id */
	const tag = (id) => ({ [ID_KEY]: id });

	return {
		/**
		 * Acknowledges a listen and keeps it; call what it returns to forget it.
		 *
		 * @param {{ id?: unknown, params?: Record<string, any> }} request
		 * @param {(message: object) => void} send
		 */
		open(request, send) {
			const listen = { id: request.id, filter: request.params?.notifications ?? {}, send };
			open.add(listen);
			const params = { notifications: listen.filter, _meta: tag(listen.id) };
			send({ jsonrpc: '2.0', method: 'notifications/subscriptions/acknowledged', params });
			return () => void open.delete(listen);
		},
		/**
		 * @param {string} method
		 * @param {Record<string, any>} params
		 */
		broadcast(method, params) {
			for (const { id, filter, send } of open) {
				if (!wants(filter, method, params)) continue;
				send({ jsonrpc: '2.0', method, params: { ...params, _meta: tag(id) } });
			}
		},
		/** Ends every listen gracefully: an empty result each. */
		closeAll() {
			for (const { id, send } of open) {
				send({ jsonrpc: '2.0', id, result: { resultType: 'complete', _meta: tag(id) } });
			}
			open.clear();
		},
	};
}
