import type { ScopeKey } from '../lib/scope.ts';
import { wrapUri } from '../mcp/address.ts';
import type { ChangedList } from '../mcp/changes.ts';
import type { ChangeFeed } from './change-feed.ts';
import type { Change, Changes } from './changes.ts';
import type { ResourceWatches } from './resource-watches.ts';
import type { Target } from './target.ts';

/** A resource that a caller watches. */
export interface WatchedResource {
	readonly target: Target;
	/** As its server knows it. */
	readonly uri: string;
	/** As the caller named it: the same, or wrapped. */
	readonly exposed: string;
}

/** What one caller listens to, fed into its feed. */
export interface Listening {
	/** Listens to these lists of these servers, in place of those before. */
	lists(targets: readonly Target[], lists: readonly ChangedList[]): void;
	/** Listens to a resource; resolves with the way to stop once its server has agreed to tell. */
	resource(resource: WatchedResource): Promise<() => void>;
	close(): void;
}

/** What listening is done with. */
export interface ListeningParts {
	readonly changes: Changes;
	readonly watches: ResourceWatches;
}

interface Scope {
	readonly target: Target;
	/** Names under which the caller watches, by the server's own URI. */
	readonly names: Map<string, Set<string>>;
	readonly unsubscribe: () => void;
}

/** Listens to nothing yet. */
export function createListening(parts: ListeningParts, feed: ChangeFeed): Listening {
	const scopes = new Map<ScopeKey, Scope>();
	const stops = new Set<() => void>();
	let stopLists: readonly (() => void)[] = [];
	let closed = false;

	const scopeOf = (target: Target): Scope => {
		const { key } = target.credential;
		const known = scopes.get(key);
		if (known !== undefined) return known;
		const unsubscribe = parts.changes.subscribe(key, (change) => tellResource(feed, scope, change));
		const scope: Scope = { target, names: new Map(), unsubscribe };
		scopes.set(key, scope);
		return scope;
	};
	const forget = (scope: Scope, resource: WatchedResource): void => {
		removeName(scope, resource);
		if (scope.names.size > 0) return;
		scope.unsubscribe();
		scopes.delete(scope.target.credential.key);
	};
	return {
		lists(targets, lists) {
			const before = stopLists;
			// The new first, so that a session that both need stays open.
			stopLists = lists.length === 0 ? [] : targets.flatMap((target) => hearLists(parts, feed, { target, lists }));
			for (const stop of before) stop();
		},
		async resource(resource) {
			const scope = scopeOf(resource.target);
			addName(scope, resource);
			const release = await parts.watches.watch(resource.target, resource.uri).catch((error: unknown) => {
				forget(scope, resource);
				throw error;
			});
			const stop = (): void => {
				if (!stops.delete(stop)) return;
				forget(scope, resource);
				release();
			};
			stops.add(stop);
			if (closed) stop();
			return stop;
		},
		close() {
			closed = true;
			for (const stop of [...stopLists, ...stops]) stop();
			stopLists = [];
		},
	};
}

function addName({ names }: Scope, { uri, exposed }: WatchedResource): void {
	names.set(uri, (names.get(uri) ?? new Set()).add(exposed));
}

function removeName({ names }: Scope, { uri, exposed }: WatchedResource): void {
	names.get(uri)?.delete(exposed);
	if (names.get(uri)?.size === 0) names.delete(uri);
}

interface Lists {
	readonly target: Target;
	readonly lists: readonly ChangedList[];
}

function hearLists({ changes, watches }: ListeningParts, feed: ChangeFeed, { target, lists }: Lists): (() => void)[] {
	const { key } = target.credential;
	const onChange = (change: Change): void => {
		if (change.kind === 'list' && lists.includes(change.list)) feed.addList(key, change.list);
	};
	return [changes.subscribe(key, onChange), watches.hold(target)];
}

function tellResource(feed: ChangeFeed, { target, names }: Scope, change: Change): void {
	if (change.kind !== 'resource') return;
	for (const watched of withParents(change.uri)) {
		for (const exposed of names.get(watched) ?? []) {
			const uri = exposedAs(target, { changed: change.uri, watched, exposed });
			feed.addResource(target.credential.key, { kind: 'resource', uri, params: change.params }, exposed);
		}
	}
}

// What changed may lie within what is watched (mcp 2025-11-25: server/resources, subscriptions).
function* withParents(uri: string): Generator<string> {
	yield uri;
	for (let at = uri.lastIndexOf('/'); at > 0; at = uri.lastIndexOf('/', at - 1)) {
		if (at < uri.length - 1) yield uri.slice(0, at + 1);
		yield uri.slice(0, at);
	}
}

function exposedAs(
	{ server }: Target,
	{ changed, watched, exposed }: { readonly changed: string; readonly watched: string; readonly exposed: string },
): string {
	if (changed === watched) return exposed;
	return exposed === watched ? changed : wrapUri(server, changed);
}
