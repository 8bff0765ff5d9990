import { describe, expect, it } from 'vitest';
import { needsOf, signInOf } from './endpoint-needs.ts';
import type { Endpoint } from './endpoint-schema.ts';
import type { CatalogueEntry } from './entry-schema.ts';
import { type Filling, fillEndpoint } from './fill-endpoint.ts';
import { createCatalogue } from './load-catalogue.ts';
import { pickEndpoint } from './pick-endpoint.ts';

const CATALOGUE = createCatalogue();

function entry(id: string): CatalogueEntry {
	return CATALOGUE.entry(id) ?? expect.fail(`no ${id}`);
}

function endpoint(id: string, choice?: string): Endpoint {
	const pick = pickEndpoint(entry(id), choice);
	return 'endpoint' in pick ? pick.endpoint : expect.fail(`${id}: ${pick.reason}`);
}

describe('picking an endpoint', () => {
	it.each([
		['notion', undefined, 'http'],
		['notion', 'stdio', 'npm'],
		['notion', 'npm', 'npm'],
		['gitlab', 'npm-old', 'npm-old'],
		['filesystem', undefined, 'npm'],
		['atlassian', undefined, 'http'],
		['atlassian', 'http-v1', 'http-v1'],
		['brightdata', undefined, 'npm'],
		['neon', 'stdio', 'npm'],
		['aws-api', undefined, 'uvx'],
		['aws-api', 'http', 'http'],
		['linear', 'sse', 'sse'],
	])('%s, wanted %s: %s', (id, choice, key) => expect(endpoint(id, choice).key).toBe(key));

	it('never takes a deprecated one by itself, nor by its transport', () => {
		expect(pickEndpoint(entry('puppeteer'))).toEqual({ reason: 'all-deprecated', keys: ['npm-old'] });
		expect(pickEndpoint(entry('cloudflare'), 'stdio')).toEqual({ reason: 'all-deprecated', keys: ['http', 'npm-old'] });
		for (const each of CATALOGUE.all().filter(({ id }) => id !== 'puppeteer')) {
			expect(endpoint(each.id).deprecated, each.id).toBeUndefined();
		}
	});

	it('says which there are when there is none of that name', () => {
		expect(pickEndpoint(entry('clickup'), 'stdio')).toEqual({ reason: 'no-such-endpoint', keys: ['http'] });
	});
});

describe('what an endpoint needs', () => {
	it('is nothing for what registers itself', () => {
		const { variables, secrets, oauth } = needsOf(endpoint('notion'));
		expect({ variables, secrets, oauth }).toEqual({
			variables: [],
			secrets: [],
			oauth: { kind: 'registers', scopes: [] },
		});
	});

	it('is a key with where to get it', () => {
		const { secrets, oauth } = needsOf(endpoint('notion', 'stdio'));
		expect(secrets).toEqual([expect.objectContaining({ name: 'token', required: true, where: expect.any(String) })]);
		expect(oauth).toEqual({ kind: 'none' });
	});

	it('is a client that somebody creates first', () => {
		expect(needsOf(endpoint('asana')).oauth).toMatchObject({ kind: 'client', where: expect.stringContaining('Asana') });
		expect(needsOf(endpoint('pulumi')).oauth).toMatchObject({ kind: 'either' });
	});

	it('is a client of its own where only approved ones are let in, but not when a token is used instead', () => {
		const slack = endpoint('slack');
		expect(needsOf(slack).ownClient?.text).toContain('Slack');
		expect(needsOf(slack, signInOf(slack, 'user-token')).ownClient).toBeUndefined();
	});
});

function fill(id: string, choice: string | undefined, filling: Filling) {
	return fillEndpoint(endpoint(id, choice), filling);
}

describe('filling an endpoint', () => {
	it('puts values into the address, and leaves secrets as references', () => {
		const values = { account: 'my-org', database: 'DB 1', schema: 'PUBLIC', server: 'sales' };
		const snowflake = endpoint('snowflake');
		const signIn = signInOf(snowflake, 'user-token') ?? expect.fail('no token');
		expect(fillEndpoint(snowflake, { values, signIn })).toEqual({
			filled: {
				transport: 'http',
				url: 'https://my-org.snowflakecomputing.com/api/v2/databases/DB%201/schemas/PUBLIC/mcp-servers/sales',
				headers: { Authorization: 'Bearer ${secret:token}' },
				query: {},
			},
		});
	});

	it('uses defaults, and leaves out what is optional and absent', () => {
		expect(fill('datadog', undefined, { values: {} })).toEqual({
			filled: { transport: 'http', url: 'https://mcp.datadoghq.com/v1/mcp', headers: {}, query: {} },
		});
		const eu = fill('datadog', undefined, { values: { host: 'mcp.datadoghq.eu', toolsets: 'core' } });
		expect(eu).toMatchObject({
			filled: { url: 'https://mcp.datadoghq.eu/v1/mcp', headers: { 'X-Datadog-MCP-Toolsets': 'core' } },
		});
	});

	it('gives a program its arguments and its environment', () => {
		expect(fill('azure-devops', 'stdio', { values: { organization: 'contoso' } })).toEqual({
			filled: {
				transport: 'stdio',
				args: ['contoso', '--authentication', 'envvar'],
				env: { ADO_MCP_AUTH_TOKEN: '${secret:token}' },
			},
		});
	});

	it('names an optional secret only when it is given', () => {
		const without = fill('n8n', undefined, { values: {} });
		expect(without).not.toHaveProperty('filled.env.N8N_API_KEY');
		const given = fill('n8n', undefined, { values: {}, secrets: ['api_key'] });
		expect(given).toHaveProperty('filled.env.N8N_API_KEY', '${secret:api_key}');
	});

	it('fills paths of several parts', () => {
		const values = { databricks_host: 'dbc.cloud.databricks.com', target: 'functions/main/default' };
		const url = 'https://dbc.cloud.databricks.com/api/2.0/mcp/functions/main/default';
		expect(fill('databricks', undefined, { values })).toHaveProperty('filled.url', url);
	});

	const HOSTILE: readonly (readonly [string, Record<string, string>, string])[] = [
		['snowflake', { account: 'evil.example/' }, 'account'],
		['snowflake', { account: 'evil.example#' }, 'account'],
		['snowflake', { account: 'a@evil' }, 'account'],
		['snowflake', { account: '${secret:token}' }, 'account'],
		['snowflake', { database: '..' }, 'database'],
		['snowflake', { database: 'a\nb' }, 'database'],
		['snowflake', { database: '' }, 'database'],
		['elasticsearch', { kibana_host: 'good.example/@evil.example' }, 'kibana_host'],
		['elasticsearch', { kibana_host: 'user@evil.example' }, 'kibana_host'],
		['elasticsearch', { kibana_host: 'a..b' }, 'kibana_host'],
		['databricks', { target: '../../secrets' }, 'target'],
		['databricks', { target: 'a//b' }, 'target'],
		['databricks', { target: 'sql?x=1' }, 'target'],
		['datadog', { host: 'evil.example' }, 'host'],
		['azure-devops', { organization: '--help' }, 'organization'],
		['grafana', { stack_url: 'https://me:pass@acme.grafana.net' }, 'stack_url'],
		['grafana', { stack_url: 'file:///etc/passwd' }, 'stack_url'],
		['filesystem', { folder: 'relative' }, 'folder'],
		['filesystem', { folder: '/srv/a/../b' }, 'folder'],
		['notion', { surprise: 'x' }, 'surprise'],
	];

	it.each(HOSTILE)('refuses in %s: %j', (id, values, variable) => {
		const outcome = fill(id, id === 'azure-devops' ? 'stdio' : undefined, { values });
		const faults = 'faults' in outcome ? outcome.faults : expect.fail('was accepted');
		expect(faults.map((fault) => fault.variable)).toContain(variable);
		for (const value of Object.values(values)) if (value !== '') expect(JSON.stringify(faults)).not.toContain(value);
	});

	it('can be filled for every service with its examples', () => {
		for (const { id, endpoints } of CATALOGUE.all()) {
			for (const each of endpoints) {
				const values = Object.fromEntries(
					(each.variables ?? []).map((variable) => [variable.name, exampleOf(variable)]),
				);
				expect(fillEndpoint(each, { values }), `${id}/${each.key}`).toHaveProperty('filled');
			}
		}
	});
});

const FALLBACK = { file: '/srv/a/file', folder: '/srv/a', url: 'https://a.example', host: 'a.example' } as const;

function exampleOf({ example, choices, default: given, kind }: NonNullable<Endpoint['variables']>[number]): string {
	return example ?? choices?.[0] ?? given ?? FALLBACK[kind as keyof typeof FALLBACK] ?? 'example';
}
