import * as z from 'zod';
import { DAY, LINK, PROBLEM, SECRET, SENTENCE, SIGN_IN, TEMPLATE, VARIABLE, WORD } from './field-schema.ts';

/** What every endpoint says. */
const ANY = {
	key: WORD.describe('Name within the service, for `--endpoint`.'),
	official: z.boolean().exactOptional().describe('Said where it differs from the service.'),
	signIn: z.array(SIGN_IN).min(1).describe('Ways to sign in, the recommended one first.'),
	variables: z.array(VARIABLE).exactOptional().describe('The variables that its templates name.'),
	problems: z.array(PROBLEM).exactOptional().describe('What is known to go wrong.'),
	ownClient: z
		.strictObject({
			text: SENTENCE.describe('What the vendor demands.'),
			link: LINK.exactOptional().describe('Where to ask.'),
		})
		.exactOptional()
		.describe('Set where only clients that the vendor approved are let in: bring your own client.'),
	note: z.string().min(8).max(900).exactOptional().describe('What else is worth knowing.'),
	deprecated: z
		.strictObject({
			why: SENTENCE.describe('What happened to it.'),
			use: WORD.exactOptional().describe('Key of the endpoint to use instead, or id of a service.'),
		})
		.exactOptional()
		.describe('Set when it is not to be used any more; it is kept so that old configurations are recognised.'),
};

const TEMPLATES = z.record(z.string().min(1), TEMPLATE);

const remote = {
	...ANY,
	url: TEMPLATE.describe('The address, with `{name}` where it differs; starts with a host.'),
	headers: TEMPLATES.exactOptional().describe('Headers that hold no secret.'),
};

const HTTP = z.strictObject({ transport: z.literal('http').describe('Streamable HTTP.'), ...remote });

const SSE = z.strictObject({ transport: z.literal('sse').describe('HTTP+SSE of 2024-11-05.'), ...remote });

const NODE_VERSION = z.string().regex(/^\d+(\.\d+){0,2}$/);

const RUN = z.strictObject({
	at: DAY.describe('Day of the run.'),
	node: z.string().describe('Version of Node.'),
	tools: z.int().min(0).describe('Tools that it listed.'),
	startMs: z.int().min(0).describe('From start to the answer to `initialize`, in milliseconds.'),
	memoryMb: z.int().min(0).describe('Memory of its processes.'),
	protocol: z.string().describe('Revision that was agreed.'),
	withoutCredentials: z.boolean().describe('Whether it lists its tools with no credential at all.'),
});

const STDIO = z.strictObject({
	transport: z.literal('stdio').describe('A program that speaks over its standard input and output.'),
	...ANY,
	runtime: z
		.enum(['npm', 'uvx', 'container', 'binary'])
		.describe('What runs it: Node, uv, a container runtime, or a program that is installed by hand.'),
	package: z.string().min(2).exactOptional().describe('Name at the registry of the runtime; none for `binary`.'),
	version: z
		.string()
		.exactOptional()
		.describe(
			'The one version that is run. A container image without one must be pinned by its digest in the configuration.',
		),
	source: z.string().exactOptional().describe('Where uv takes it from, when that is not the registry.'),
	program: z
		.string()
		.exactOptional()
		.describe('Name of the program: of the package, where it has several or another name; of the binary.'),
	args: z.array(TEMPLATE).describe('Arguments after the program; no secret unless `indirection` says how.'),
	env: TEMPLATES.exactOptional().describe('Environment variables that hold no secret.'),
	indirection: z
		.strictObject({
			secrets: z.array(SECRET.shape.name).min(1).describe('The secrets that its arguments name.'),
			how: z
				.enum(['in-process'])
				.describe(
					'`in-process`: a small wrapper takes them from its environment and puts them into `process.argv` of the same process before ' +
						'it loads the program, so that the list of processes never shows them.',
				),
		})
		.exactOptional()
		.describe('Needed where the program takes a secret as an argument only.'),
	minNode: NODE_VERSION.exactOptional().describe(
		'Lowest version of Node on which it works; left out where 20 will do.',
	),
	declaresNode: NODE_VERSION.exactOptional().describe(
		'Lowest version of Node that its package asks for, where it was seen to work on an older one; to be preferred where at hand.',
	),
	installScripts: SENTENCE.exactOptional().describe('Why its install scripts must run; without it they never do.'),
	installMb: z.int().min(1).exactOptional().describe('Size when installed, where it is large.'),
	run: RUN.exactOptional().describe(
		'What was seen when exactly this package was started offline with dummy credentials.',
	),
});

/** One way to reach a service. */
export const ENDPOINT = z.discriminatedUnion('transport', [HTTP, SSE, STDIO]);

/** One way to reach a service, as its file says it. */
export type Endpoint = z.output<typeof ENDPOINT>;

/** One that is reached over the network. */
export type RemoteEndpoint = Extract<Endpoint, { transport: 'http' | 'sse' }>;

/** One that is a program. */
export type ProgramEndpoint = Extract<Endpoint, { transport: 'stdio' }>;
