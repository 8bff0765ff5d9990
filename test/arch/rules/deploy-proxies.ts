import { parseAllDocuments } from 'yaml';
import { IDENTITY_FAMILIES, IDENTITY_HEADERS, IDENTITY_NAMES } from '../../fakes/identity-headers.ts';

/** How long a call with one JSON answer may take, seconds; proxies wait longer (`totalMs` of a server). */
const LONGEST_CALL = 300;
/** After how long without a request the gateway hangs up, seconds; proxies must be the first to. */
const GATEWAY_IDLE = 65;
/** As many as one filter of the Gateway API takes. */
const MOST_FILTERED = 16;

/** Headers that must arrive. */
const GENUINE = [
	...[
		'host',
		'authorization',
		'accept',
		'content-type',
		'content-length',
		'origin',
		'last-event-id',
		'x-forwarded-for',
	],
	...['mcp-session-id', 'mcp-protocol-version', 'mcp-method', 'mcp-name', 'mcp-param-region', 'x-openwebui-user-id'],
];

const lacks = (text: string, lines: readonly string[]): string[] =>
	lines
		.filter((line) => !text.split('\n').some((each) => each.trim() === line))
		.map((line) => `does not say "${line}"`);

const keeps = (found: ReadonlySet<string>, wanted: readonly string[] = [...IDENTITY_NAMES, 'cookie']): string[] =>
	wanted.filter((name) => !found.has(name)).map((name) => `lets ${name} pass`);

const removes = (found: ReadonlySet<string>): string[] =>
	GENUINE.filter((name) => found.has(name)).map((name) => `takes ${name} away`);

/** The number in a setting such as `proxy_read_timeout 310s;` or `timeout client 310s`. */
function secondsOf(text: string, name: string): number {
	return Number(new RegExp(`^\\s*${name}:? (\\d+)s;?$`, 'm').exec(text)?.[1]);
}

const waits = (text: string, names: readonly string[]): string[] =>
	names.filter((name) => !(secondsOf(text, name) > LONGEST_CALL)).map((name) => `waits too little: ${name}`);

/** What is wrong with a file for NGINX. */
export function nginxFaults(text: string): readonly string[] {
	const emptied = new Set(
		[...text.matchAll(/proxy_set_header (\S+) "";/g)].map(([, name]) => String(name).toLowerCase()),
	);
	const directives = ['proxy_buffering off;', 'proxy_request_buffering off;', 'proxy_http_version 1.1;', 'gzip off;'];
	const refusals = ['proxy_next_upstream off;', 'underscores_in_headers off;', 'merge_slashes off;'];
	return [
		...lacks(text, [...directives, ...refusals]),
		...waits(text, ['proxy_read_timeout']),
		...(secondsOf(text, 'keepalive_timeout') < GATEWAY_IDLE ? [] : ['keeps idle connections too long']),
		...keeps(emptied),
		...removes(emptied),
	];
}

/** What is wrong with a file for HAProxy, which takes away whole families of headers in both spellings. */
export function haproxyFaults(text: string): readonly string[] {
	const patterns = [...text.matchAll(/http-request del-header (\S+)( -m reg)?$/gm)].map(
		([, pattern, isPattern]) => new RegExp(isPattern === undefined ? `^${pattern}$` : String(pattern)),
	);
	const families = Object.keys(IDENTITY_FAMILIES).map((family) => `${family}unheard-of`);
	const dashed = [...IDENTITY_NAMES, ...families, 'cookie'];
	const all = [...dashed, ...dashed.map((name) => name.replaceAll('-', '_')), ...GENUINE];
	const found = new Set(all.filter((name) => patterns.some((pattern) => pattern.test(name))));
	return [
		...lacks(text, ['option http-no-delay', 'option abortonclose', 'retries 0', 'retry-on none']),
		...waits(text, ['timeout client', 'timeout server']),
		...keeps(
			found,
			all.filter((name) => !GENUINE.includes(name)),
		),
		...removes(found),
	];
}

// biome-ignore lint/suspicious/noExplicitAny: what lies below is compared with what is wanted, whatever it is.
type Anything = any;

/** Reads a file of YAML documents; faults when one cannot be read. */
function readYaml(text: string): { readonly documents: readonly Anything[]; readonly faults: readonly string[] } {
	const documents = parseAllDocuments(text);
	const errors = documents.flatMap((document) => document.errors).map(({ message }) => `is no YAML: ${message}`);
	return { documents: errors.length > 0 ? [] : documents.map((document) => document.toJS()), faults: errors };
}

const unless = (holds: boolean, fault: string): string[] => (holds ? [] : [fault]);

/** What is wrong with a declarative configuration of Kong. */
export function kongFaults(text: string): readonly string[] {
	const { documents, faults } = readYaml(text);
	const service: Anything = documents[0]?.services?.[0];
	if (service === undefined) return [...faults, 'has no service'];
	const [route] = service.routes;
	const script = String(service.plugins.find((plugin: Anything) => plugin.name === 'pre-function')?.config.access[0]);
	const cleared = new Set([...script.matchAll(/"([a-z-]{2,})"/g)].map(([, name]) => String(name)));
	return [
		...unless(documents[0]._format_version === '3.0', 'is of another format'),
		...unless(service.read_timeout > LONGEST_CALL * 1_000, 'waits too little: read_timeout'),
		...unless(service.retries === 0, 'tries again'),
		...unless(route.request_buffering === false && route.response_buffering === false, 'holds bodies back'),
		...unless(route.strip_path === false && route.preserve_host === true, 'changes the address'),
		...unless(script.includes('clear_header(name)'), 'takes nothing away'),
		...unless(script.includes('clear_header((name:gsub("-", "_")))'), 'takes one spelling only'),
		...keeps(cleared),
		...removes(cleared),
	];
}

/** What is wrong with a bootstrap of Envoy. */
export function envoyFaults(text: string): readonly string[] {
	const { documents, faults } = readYaml(text);
	const resources: Anything = documents[0]?.static_resources;
	if (resources === undefined) return [...faults, 'has no resources'];
	const manager = resources.listeners[0].filter_chains[0].filters[0].typed_config;
	const { route_config: config, http_filters: filters } = manager;
	const { route } = config.virtual_hosts[0].routes[0];
	const [options]: Anything[] = Object.values(resources.clusters[0].typed_extension_protocol_options);
	const removed = new Set<string>(config.request_headers_to_remove);
	const underscores = manager.common_http_protocol_options?.headers_with_underscores_action;
	return [
		...unless(route.timeout === '0s', 'ends streams: timeout'),
		...unless(Number.parseInt(route.idle_timeout, 10) > LONGEST_CALL, 'waits too little: idle_timeout'),
		...waits(text, ['stream_idle_timeout']),
		...unless(route.retry_policy === undefined && config.retry_policy === undefined, 'tries again'),
		...unless(
			filters.length === 1 && filters[0].name === 'envoy.filters.http.router',
			'has filters that may hold back',
		),
		...unless(underscores === 'DROP_HEADER', 'takes one spelling only'),
		...unless(
			Number.parseInt(options.common_http_protocol_options.idle_timeout, 10) < GATEWAY_IDLE,
			'keeps idle connections too long',
		),
		...keeps(removed),
		...removes(removed),
	];
}

/** Those that the gateway may read on some listener, and those that stand alone. */
const NEEDED = [...IDENTITY_HEADERS, ...IDENTITY_NAMES.filter((name) => /^x-(?:user|edge)-/.test(name))];

/** What is wrong with a Gateway and its HTTPRoute. */
export function gatewayApiFaults(text: string): readonly string[] {
	const { documents, faults } = readYaml(text);
	const route: Anything = documents.find(({ kind }) => kind === 'HTTPRoute');
	const gateway: Anything = documents.find(({ kind }) => kind === 'Gateway');
	if (route === undefined || gateway === undefined) return [...faults, 'lacks the Gateway or its HTTPRoute'];
	const [rule] = route.spec.rules;
	const names: string[] = rule.filters[0].requestHeaderModifier.remove.map((name: string) => name.toLowerCase());
	const removed = new Set(names);
	return [
		...unless(rule.timeouts.request === '0s' && rule.timeouts.backendRequest === '0s', 'ends streams: timeouts'),
		...unless(rule.retry === undefined, 'tries again'),
		...unless(names.length <= MOST_FILTERED, 'takes more away than one filter may'),
		...unless(rule.filters.length === 1, 'has a second filter'),
		...unless(route.spec.parentRefs[0].name === gateway.metadata.name, 'leads to another gateway'),
		...keeps(removed, NEEDED),
		...removes(removed),
	];
}
