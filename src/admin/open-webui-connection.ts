import { createHash } from 'node:crypto';
import * as z from 'zod';
import { SLUG } from '../lib/slug.ts';
import { inputInvalid } from './input-invalid.ts';
import { knownServer, knownWorkspace } from './known-thing.ts';
import { defineRoute } from './route.ts';

const GRANT = z.strictObject({
	principal_type: z.literal('group'),
	principal_id: z.string(),
	permission: z.literal('read'),
});

/** As Open WebUI 0.9 to 0.11 keeps a connection: an entry of `TOOL_SERVER_CONNECTIONS`. */
const CONNECTION = z
	.strictObject({
		type: z.enum(['mcp', 'openapi']),
		url: z.string(),
		path: z.string().describe('Of an OpenAPI service: its document, below url.'),
		auth_type: z.enum(['bearer', 'system_oauth']),
		key: z.string().describe('Of bearer: put a key of the kind open-webui here. Must be there, if empty.'),
		headers: z.null().describe('No more headers are needed.'),
		config: z.strictObject({ enable: z.boolean(), access_grants: z.array(GRANT) }),
		info: z.strictObject({ id: z.string(), name: z.string(), description: z.string() }),
	})
	.meta({ id: 'OpenWebUiConnection' });

const QUERY = {
	server: z.string().regex(SLUG).optional().describe('One server; all of the workspace where it is left out.'),
	groups: z
		.string()
		.regex(/^[A-Za-z0-9-]{1,64}(,[A-Za-z0-9-]{1,64}){0,49}$/)
		.optional()
		.describe('Ids of groups in Open WebUI who may use it, joined by commas; left out: its administrators alone.'),
	base: z.string().max(512).optional().describe('Origin under which Open WebUI reaches the gateway; else publicUrl.'),
};

/** Connections ready to be put into Open WebUI; no key is in them. */
export const OPEN_WEBUI_CONNECTION = defineRoute({
	id: 'readOpenWebUiConnection',
	method: 'GET',
	path: '/workspaces/:workspace/open-webui-connection',
	summary: 'Connections to put into Open WebUI, as MCP and as OpenAPI, by key and by sign-in',
	authorize: { workspace: 'admin' },
	query: QUERY,
	responses: { 200: z.strictObject({ items: z.array(CONNECTION) }) },
	handle(context) {
		const { snapshot, params, query } = context;
		const workspace = knownWorkspace(snapshot, params.workspace);
		const at = query.server === undefined ? undefined : { workspace: params.workspace, server: query.server };
		const server = at && knownServer(context, at);
		const place: Place = {
			base: baseOf(query.base ?? snapshot.names.url),
			path: `/w/${workspace.slug}${server === undefined ? '' : `/s/${server.slug}`}`,
			id: shortId([workspace.slug, ...(server === undefined ? [] : [server.slug])].join('-')),
			name: server === undefined ? workspace.title : `${workspace.title}: ${server.title}`,
			groups: query.groups?.split(',') ?? [],
		};
		const ways = (['mcp', 'openapi'] as const).flatMap((type) =>
			(['bearer', 'system_oauth'] as const).map((auth) => connectionOf(place, type, auth)),
		);
		return { status: 200, body: { items: ways } };
	},
});

interface Place {
	readonly base: string;
	readonly path: string;
	readonly id: string;
	readonly name: string;
	readonly groups: readonly string[];
}

type Connection = z.output<typeof CONNECTION>;

function connectionOf(place: Place, type: Connection['type'], auth: Connection['auth_type']): Connection {
	const { base, path, id, name, groups } = place;
	const grantOf = (group: string) => ({ principal_type: 'group', principal_id: group, permission: 'read' }) as const;
	return {
		type,
		url: type === 'mcp' ? `${base}${path}/mcp` : base + path,
		path: type === 'mcp' ? '' : 'openapi.json',
		auth_type: auth,
		key: '',
		headers: null,
		config: { enable: true, access_grants: groups.map(grantOf) },
		info: { id, name, description: `Tools of ${name}` },
	};
}

function baseOf(given: string | undefined): string {
	const message = 'say under which address Open WebUI reaches the gateway, as https://mcp.example.com';
	const url = given !== undefined && URL.canParse(given) ? new URL(given) : undefined;
	// Within one machine or cluster it may well be plain http.
	if (url === undefined || !/^https?:$/.test(url.protocol) || url.href !== `${url.origin}/`) {
		throw inputInvalid([{ path: 'query.base', message }]);
	}
	return url.origin;
}

const LONGEST_ID = 16;

// The id begins the names of tools, which models take 64 characters of; it must not hold a colon or a bar.
function shortId(id: string): string {
	if (id.length <= LONGEST_ID) return id;
	const hash = createHash('sha256').update(id).digest('hex').slice(0, 4);
	return `${id.slice(0, LONGEST_ID - 5)}-${hash}`;
}
