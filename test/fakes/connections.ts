import type { Connection, Connections, ServerName } from '../../src/credentials/oauth/connections.ts';

/** A connection of a server that has none yet. */
export function connectionOf(parts: Partial<Connection> & ServerName): Connection {
	const none = { whose: 'principal', way: 'oauth', asks: [], state: 'none' } as const;
	const unknown = { connectedAs: undefined, since: undefined, expiresAt: undefined, needsAttention: undefined };
	return { title: parts.server, workspaceTitle: parts.workspace, ...none, ...unknown, ...parts };
}

/** What was asked of connections, in order. */
export type Asked = readonly [operation: string, ...rest: unknown[]];

/** Connections that say what they are told to, for pages in every state. */
export function scriptedConnections(shown: () => readonly Connection[], url: () => string) {
	const asked: Asked[] = [];
	const connections: Connections = {
		list: async () => shown(),
		async begin(person, server, session) {
			asked.push(['begin', person.oid, server, session]);
			return { url: url() };
		},
		async finish(query, session, person) {
			asked.push(['finish', person.oid, query.get('state'), session]);
			return shown()[0] as Connection;
		},
		async disconnect(person, server) {
			asked.push(['disconnect', person.oid, server]);
		},
		async setValues(person, server, values) {
			asked.push(['setValues', person.oid, server, values]);
		},
	};
	return { asked, connections };
}
