/**
 * The client the official client suites test: `node --import tsx client-driver.ts <direct|legacy|modern> <server url>`.
 * A caller of the given family speaks to a gateway in this process, whose one server is the mock server of the suite, and
 * does what the scenario is about; `direct` leaves the gateway out. The suite says the rest in its environment.
 */
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client';
import { startGateway } from '../../test/fakes/gateway.ts';
import type { Era } from './runs.ts';

const GROUP = 'conformance';
const MODERN_REVISION = '2026-07-28';
/** The released suite says nothing: it knows no later revision. */
const DEFAULT_REVISION = '2025-11-25';

type Json = Readonly<Record<string, unknown>>;
type Play = (caller: Client, context: Json) => Promise<unknown>;

/** Where a caller connects to. */
interface Target {
	readonly url: string;
	readonly headers: Readonly<Record<string, string>>;
	close(): Promise<void>;
}

/** Calls every tool it is shown, as an eager client would. */
async function callAllTools(caller: Client): Promise<void> {
	const { tools } = await caller.listTools();
	for (const { name } of tools) await caller.callTool({ name, arguments: { region: 'us-west1' } });
}

async function useEveryFeature(caller: Client): Promise<void> {
	await callAllTools(caller);
	const { resources } = await caller.listResources();
	for (const { uri } of resources) await caller.readResource({ uri });
	const { prompts } = await caller.listPrompts();
	for (const { name } of prompts) await caller.getPrompt({ name });
}

async function callNamedTools(caller: Client, context: Json): Promise<void> {
	await caller.listTools();
	const calls = context['toolCalls'] as readonly { name: string; arguments: Record<string, unknown> }[];
	for (const call of calls) await caller.callTool(call);
}

/** Another call comes while the first waits for its second round: neither may see what belongs to the other. */
async function callInRounds(caller: Client): Promise<void> {
	await caller.listTools();
	const rounds = caller.callTool({ name: 'test_mrtr_echo_state', arguments: {} });
	await caller.callTool({ name: 'test_mrtr_unrelated', arguments: {} });
	await rounds;
	await caller.callTool({ name: 'test_mrtr_no_state', arguments: {} });
	// The official client refuses a result without its type; the scenario only asks that nobody takes it for a question.
	await caller.callTool({ name: 'test_mrtr_no_result_type', arguments: {} }).catch(() => undefined);
}

async function echoSchema(caller: Client): Promise<void> {
	const { tools } = await caller.listTools();
	const schema = tools.find(({ name }) => name === 'json_schema_2020_12_tool')?.inputSchema;
	await caller.callTool({ name: 'json_schema_echo', arguments: { schema } });
}

const list: Play = (caller) => caller.listTools();

const PLAYS: Readonly<Record<string, Play>> = {
	initialize: list,
	tools_call: async (caller) => {
		await caller.listTools();
		await caller.callTool({ name: 'add_numbers', arguments: { a: 2, b: 3 } });
	},
	'elicitation-sep1034-client-defaults': callAllTools,
	'sse-retry': callAllTools,
	'request-metadata': list,
	'sep-2322-client-request-state': callInRounds,
	'http-standard-headers': useEveryFeature,
	'http-custom-headers': callNamedTools,
	'http-invalid-tool-headers': callAllTools,
	'json-schema-ref-no-deref': list,
	'json-schema-2020-12-preservation': echoSchema,
};

/** Answers of a person who accepts every form as it is proposed. */
function proposedAnswers(schema: unknown): Record<string, string | number | boolean> {
	const { properties = {} } = (schema ?? {}) as {
		properties?: Record<string, { default?: string | number | boolean }>;
	};
	const answers: Record<string, string | number | boolean> = {};
	for (const [name, field] of Object.entries(properties)) {
		if (field.default !== undefined) answers[name] = field.default;
	}
	return answers;
}

async function connect({ url, headers }: Target, era: Era): Promise<Client> {
	const mode = era === 'modern' ? { pin: MODERN_REVISION } : 'legacy';
	const client = new Client(
		{ name: 'portcullis-conformance', version: '1.0.0' },
		{ capabilities: { elicitation: { form: {} }, roots: {}, sampling: {} }, versionNegotiation: { mode } },
	);
	client.setRequestHandler('elicitation/create', ({ params }) => {
		const schema = 'requestedSchema' in params ? params.requestedSchema : undefined;
		return { action: 'accept', content: proposedAnswers(schema) };
	});
	client.setRequestHandler('roots/list', () => ({ roots: [] }));
	await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
	return client;
}

async function startThrough(serverUrl: string, era: Era): Promise<Target> {
	// The mock servers of the older revisions answer anything they do not know with 200 and `{}`, which is no verdict about
	// what they speak: an operator would settle it by hand, too.
	const server = { transport: 'http', url: serverUrl, era: era === 'legacy' ? 'legacy' : 'auto' };
	const gateway = await startGateway({
		workspaces: { suite: { servers: { mock: server } } },
		grants: [{ group: GROUP, workspace: 'suite', access: 'write' }],
	});
	const headers = { authorization: `Bearer ${gateway.tokenFor([GROUP])}` };
	return { url: `${gateway.url}/w/suite/s/mock/mcp`, headers, close: gateway.close };
}

async function run(through: string, serverUrl: string): Promise<void> {
	const { MCP_CONFORMANCE_SCENARIO = '', MCP_CONFORMANCE_CONTEXT = '{}' } = process.env;
	const revision = process.env['MCP_CONFORMANCE_PROTOCOL_VERSION'] ?? DEFAULT_REVISION;
	const mockEra: Era = revision === MODERN_REVISION ? 'modern' : 'legacy';
	const play = PLAYS[MCP_CONFORMANCE_SCENARIO];
	if (!play) throw new Error(`there is nothing to do for the scenario ${MCP_CONFORMANCE_SCENARIO}`);
	const isDirect = through === 'direct';
	const nothing = async () => undefined;
	const target = isDirect ? { url: serverUrl, headers: {}, close: nothing } : await startThrough(serverUrl, mockEra);
	const caller = await connect(target, isDirect ? mockEra : (through as Era));
	try {
		await play(caller, JSON.parse(MCP_CONFORMANCE_CONTEXT) as Json);
	} finally {
		await caller.close();
		await target.close();
	}
}

const [through = '', serverUrl = ''] = process.argv.slice(2);
await run(through, serverUrl);
// The mock servers keep connections open, and the suite waits for our end.
process.exit();
