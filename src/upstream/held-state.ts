import type { ScopeKey } from '../lib/scope.ts';
import type { SessionIds } from '../mcp/legacy/session.ts';
import { type Catalog, createCatalog } from './catalog.ts';
import { type Changes, changeOf, createChanges } from './changes.ts';
import { type ClientSubscriptions, createClientSubscriptions } from './client-subscriptions.ts';
import { createResourceWatches, type ResourceWatches } from './resource-watches.ts';
import type { ServerStates } from './server-states.ts';
import { createSessions, type SessionParts, type Sessions } from './sessions.ts';

/** What the gateway keeps of upstreams between calls: sessions, their lists, and who wants to hear of changes. */
export interface HeldState {
	readonly sessions: Sessions;
	readonly catalog: Catalog;
	readonly changes: Changes;
	readonly watches: ResourceWatches;
	readonly subscriptions: ClientSubscriptions;
	retire(isKept: (key: ScopeKey) => boolean): void;
	close(): Promise<void>;
}

/** What the state is made with. */
export interface HeldStateParts extends Pick<SessionParts, 'openWire'> {
	readonly sessionIds: SessionIds;
	/** Told of what becomes known of servers. */
	readonly states: Pick<ServerStates, 'opened' | 'listed' | 'failed'>;
}

/** Joins them: what a session hears makes lists old, and is told to whoever listens in its scope. */
export function createHeldState({ openWire, sessionIds, states }: HeldStateParts): HeldState {
	const changes = createChanges();
	const onReopened = (key: ScopeKey): void => {
		catalog.recheck(key);
		for (const uri of watches.urisOf(key)) changes.publish(key, { kind: 'resource', uri, params: {} });
	};
	const sessions = createSessions({
		openWire,
		onReopened,
		onOpened: states.opened,
		onFailed: states.failed,
		onNotification(key, notification) {
			const change = changeOf(notification);
			if (change === undefined) return;
			// The cached lists first: whoever is told asks for the new one.
			if (change.kind === 'list') catalog.invalidate(key, notification.method);
			changes.publish(key, change);
		},
	});
	const watches = createResourceWatches({ sessions, onReopened });
	const subscriptions = createClientSubscriptions({ changes, watches, sessionIds });
	const catalog = createCatalog({
		sessions,
		onFailed: states.failed,
		onRead({ target, kind }, { items }) {
			if (kind === 'tools') states.listed(target.server, items.length);
		},
		onChanged: (key, kind) => changes.publish(key, { kind: 'list', list: kind === 'templates' ? 'resources' : kind }),
	});
	return {
		sessions,
		catalog,
		changes,
		watches,
		subscriptions,
		retire(isKept) {
			// Watches first: they would open again what is being closed.
			watches.retire(isKept);
			sessions.retire(isKept);
			catalog.retire(isKept);
		},
		async close() {
			subscriptions.close();
			watches.close();
			await sessions.close();
		},
	};
}
