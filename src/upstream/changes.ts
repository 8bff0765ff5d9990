import type { ScopeKey } from '../lib/scope.ts';
import type { JsonObject } from '../mcp/call.ts';
import { CHANGED_LISTS, type ChangedList, RESOURCE_UPDATED } from '../mcp/changes.ts';
import type { WireNotification } from './wire.ts';

/** What an upstream says has changed: one of its lists, or a resource. */
export type Change =
	| { readonly kind: 'list'; readonly list: ChangedList }
	| { readonly kind: 'resource'; readonly uri: string; readonly params: JsonObject };

/** Takes the changes of one scope. */
export type ChangeListener = (change: Change) => void;

/** Passes changes on, within one scope: nobody hears of a server, credential or person that is not their own. */
export interface Changes {
	publish(key: ScopeKey, change: Change): void;
	/** Hears of every change of this scope until the returned function is called. */
	subscribe(key: ScopeKey, listener: ChangeListener): () => void;
	/** Listeners of all scopes. */
	readonly size: number;
}

/** A hub without listeners. */
export function createChanges(): Changes {
	const scopes = new Map<ScopeKey, Set<ChangeListener>>();
	return {
		publish(key, change) {
			for (const listener of [...(scopes.get(key) ?? [])]) listener(change);
		},
		subscribe(key, listener) {
			const listeners = scopes.get(key) ?? new Set<ChangeListener>();
			// A listener of its own, so that one function may listen twice and stop once.
			const own: ChangeListener = (change) => listener(change);
			scopes.set(key, listeners.add(own));
			return () => {
				listeners.delete(own);
				if (listeners.size === 0 && scopes.get(key) === listeners) scopes.delete(key);
			};
		},
		get size() {
			return [...scopes.values()].reduce((sum, listeners) => sum + listeners.size, 0);
		},
	};
}

/** The change that a notification tells of, or `undefined`. */
export function changeOf({ method, params }: WireNotification): Change | undefined {
	const list = (Object.keys(CHANGED_LISTS) as ChangedList[]).find((each) => CHANGED_LISTS[each].method === method);
	if (list !== undefined) return { kind: 'list', list };
	const uri = params['uri'];
	return method === RESOURCE_UPDATED && typeof uri === 'string' ? { kind: 'resource', uri, params } : undefined;
}
