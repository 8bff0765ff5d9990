import { describe, expect, it } from 'vitest';
import { IDENTITY_FAMILIES, IDENTITY_HEADERS } from '../fakes/identity-headers.ts';
import { apimFaults } from './rules/deploy-apim.ts';
import { envoyFaults, gatewayApiFaults, haproxyFaults, kongFaults, nginxFaults } from './rules/deploy-proxies.ts';
import { listTrackedPaths, readProjectFile } from './source-files.ts';

interface EdgeFile {
	readonly path: string;
	faults(text: string): readonly string[];
	/** Changes, each with a fault that must be found then. */
	readonly planted: readonly (readonly [from: string, to: string, fault: string])[];
}

const POLICY_FAULTS: EdgeFile['planted'] = [
	['</inbound>', '</inbound', 'is not well-formed'],
	[
		'</inbound>',
		'<validate-jwt header-name="Authorization" /></inbound>',
		'validate-jwt meets callers whom only the gateway knows',
	],
	['</choose>\n  </inbound>', '<otherwise /></choose></inbound>', 'judges callers whom only the gateway knows'],
	['&quot;/.well-known/&quot;', '&quot;/nothing/&quot;', 'judges callers whom only the gateway knows'],
	['<outbound>', '<outbound><set-header name="A" exists-action="delete" />', 'outbound forgets base'],
	['<backend>', '<outbound /><backend>', 'has the sections inbound,outbound,backend'],
	['<set-header name="X-Tenant-ID" exists-action="delete" />', '', 'does not begin by deleting x-tenant-id'],
	[
		'<set-header name="X-Edge-Secret" exists-action="delete" />',
		'<set-header name="X-Edge-Secret" exists-action="skip" />',
		'x-edge-secret',
	],
	['<base />', '<base /><set-variable name="x" value="1" />', 'does not begin by deleting x-user-id'],
	['buffer-response="false"', 'buffer-response="true"', 'forward-request is not buffer-response=false'],
	['buffer-request-body="false"', '', 'forward-request is not buffer-request-body=false'],
	['timeout="240"', 'timeout="600"', 'forward-request waits for 600 seconds'],
	['<forward-request', '<retry condition="@(true)" count="2" /><forward-request', 'backend is not one forward-request'],
	['resource_metadata', 'realm', 'its own 401 does not say where to sign in'],
	['<outbound>', '<outbound><base /><cache-store duration="1" />', 'cache-store holds streams back'],
	['StatusCode == 401', 'Body.As&lt;string&gt;() == null', 'when reads the response body'],
	['StatusCode == 401)', 'StatusCode == 401', 'an expression of when has no end'],
	[
		'<validate-azure-ad-token',
		'<set-header name="X-User-Id" exists-action="override"><value>x</value></set-header><validate-azure-ad-token',
		'sets x-user-id before a token is verified',
	],
];

const FILES: readonly EdgeFile[] = [
	{ path: 'deploy/apim/policy.xml', faults: apimFaults, planted: POLICY_FAULTS },
	{ path: 'deploy/apim/policy-managed-identity.xml', faults: apimFaults, planted: POLICY_FAULTS },
	{
		path: 'deploy/nginx/portcullis.conf',
		faults: nginxFaults,
		planted: [
			['proxy_buffering off;', 'proxy_buffering on;', 'does not say "proxy_buffering off;"'],
			['proxy_set_header X-Edge-Secret "";', '', 'lets x-edge-secret pass'],
			['proxy_set_header X-Edge-Secret "";', 'proxy_set_header Authorization "";', 'takes authorization away'],
			['proxy_read_timeout 310s', 'proxy_read_timeout 60s', 'waits too little: proxy_read_timeout'],
			['keepalive_timeout 60s', 'keepalive_timeout 75s', 'keeps idle connections too long'],
		],
	},
	{
		path: 'deploy/haproxy/haproxy.cfg',
		faults: haproxyFaults,
		planted: [
			['option abortonclose', '', 'does not say "option abortonclose"'],
			['|gateway)', ')', 'lets x-gateway-unheard-of pass'],
			['tenant[-_]id', 'tenant-id', 'lets x_tenant_id pass'],
			['del-header cookie', 'del-header ^x- -m reg', 'takes x-forwarded-for away'],
			['timeout server 310s', '', 'waits too little: timeout server'],
		],
	},
	{
		path: 'deploy/kong/kong.yaml',
		faults: kongFaults,
		planted: [
			['services:', 'services: [', 'is no YAML'],
			['response_buffering: false', 'response_buffering: true', 'holds bodies back'],
			['preserve_host: true', 'preserve_host: false', 'changes the address'],
			['read_timeout: 310000', 'read_timeout: 60000', 'waits too little: read_timeout'],
			['retries: 0', 'retries: 5', 'tries again'],
			['"x-edge-assertion", ', '', 'lets x-edge-assertion pass'],
			['clear_header((name:gsub("-", "_")))', 'clear_header(name)', 'takes one spelling only'],
			['"cookie"', '"cookie", "mcp-method"', 'takes mcp-method away'],
		],
	},
	{
		path: 'deploy/envoy/envoy.yaml',
		faults: envoyFaults,
		planted: [
			['timeout: 0s', 'timeout: 15s', 'ends streams: timeout'],
			['idle_timeout: 310s', 'idle_timeout: 300s', 'waits too little'],
			['- x-tenant-id\n', '- x-nothing\n', 'lets x-tenant-id pass'],
			['DROP_HEADER', 'ALLOW', 'takes one spelling only'],
			['{ idle_timeout: 60s }', '{ idle_timeout: 3600s }', 'keeps idle connections too long'],
			[
				'http_filters:\n',
				'http_filters:\n                  - name: envoy.filters.http.buffer\n',
				'has filters that may hold back',
			],
		],
	},
	{
		path: 'deploy/gateway-api/portcullis.yaml',
		faults: gatewayApiFaults,
		planted: [
			['request: 0s', 'request: 10s', 'ends streams: timeouts'],
			[
				'- X-Auth-Request-User\n',
				'- X-Auth-Request-User\n              - X-One-More\n',
				'takes more away than one filter may',
			],
			['- X-User-Id\n', '- X-Something\n', 'lets x-user-id pass'],
			['kind: HTTPRoute', 'kind: GRPCRoute', 'lacks the Gateway or its HTTPRoute'],
		],
	},
];

const README = 'deploy/README.md';

describe('the files for edges', () => {
	it.each(FILES)('$path streams, waits, and takes away what callers say about themselves', ({ path, faults }) => {
		expect(faults(readProjectFile(path))).toEqual([]);
	});

	it('are all checked, and all explained', () => {
		const paths = listTrackedPaths().filter((path) => path.startsWith('deploy/') && path !== README);
		expect(FILES.map(({ path }) => path).sort()).toEqual(paths);
		const readme = readProjectFile(README);
		for (const path of paths) expect(readme).toContain(`](${path.replace('deploy/', '')})`);
	});

	const source = 'src/edge/identity-headers.ts';
	it.runIf(listTrackedPaths().includes(source))('know the headers that the gateway itself takes away', async () => {
		const own = await import(new URL(`../../${source}`, import.meta.url).href);
		expect([...IDENTITY_HEADERS].sort()).toEqual([...own.IDENTITY_HEADERS].sort());
		expect(Object.keys(IDENTITY_FAMILIES).sort()).toEqual([...own.IDENTITY_PREFIXES].sort());
	});

	it('name every value that is to be filled in', () => {
		const readme = readProjectFile(README);
		const values = FILES.flatMap(({ path }) => readProjectFile(path).match(/\{\{[a-z-]+\}\}/g) ?? []);
		expect(values.length).toBeGreaterThan(0);
		for (const value of values) expect(readme).toContain(`\`${value.slice(2, -2)}\``);
	});
});

describe('the rules about files for edges', () => {
	const cases = FILES.flatMap(({ path, faults, planted }) =>
		planted.map(([from, to, fault]) => ({ path, faults, from, to, fault })),
	);

	it.each(cases)('find in $path that it $fault', ({ path, faults, from, to, fault }) => {
		const text = readProjectFile(path);
		expect(text).toContain(from);
		expect(faults(text.replace(from, () => to)).join('\n')).toContain(fault);
	});
});
