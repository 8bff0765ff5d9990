import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { legacy, modern, type PlainAnswer, post, startGateway, type TestGateway } from '../fakes/gateway.ts';
import { startLegacyHttp } from '../fakes/upstream.ts';
import { keepForFile, openPlainSession } from './protocol-clients.ts';
import { type ScriptedMessage, type ScriptedServer, startScripted, toolsText } from './protocol-scripted.ts';

const keep = keepForFile();
const READ = '"annotations":{"readOnlyHint":true}';
const TOOLS = toolsText(`{"name":"work","inputSchema":{},${READ}}`, '{"name":"change","inputSchema":{}}');
const TASKS = { 'io.modelcontextprotocol/tasks': {} };
const DECLARED = { 'io.modelcontextprotocol/clientCapabilities': { extensions: TASKS } };

const OID = '00000000-0000-4000-8000-00000000000a';

let gateway: TestGateway;
let ada: string;
let bob: string;
let reader: string;
let server: ScriptedServer;
let other: ScriptedServer;

const config = () => {
	const servers = {
		busy: { transport: 'http', url: server.url },
		other: { transport: 'http', url: other.url },
	};
	const grants = [
		{ group: 'G', workspace: 'google', access: 'write' },
		{ group: 'G', workspace: 'microsoft', access: 'write' },
		{ group: 'R', workspace: 'google', access: 'read' },
	];
	return { workspaces: { google: { servers }, microsoft: { servers } }, grants };
};

beforeAll(async () => {
	server = keep(await startScripted('modern', { 'tools/list': TOOLS }));
	other = keep(await startScripted('modern', { 'tools/list': TOOLS }));
	gateway = keep(await startGateway(config()));
	const tokenOf = (letter: string, group = 'G') =>
		gateway.tokenFor([group], { oid: `00000000-0000-4000-8000-00000000000${letter}` });
	[ada, bob, reader] = [tokenOf('a'), tokenOf('b'), tokenOf('c', 'R')];
});

beforeEach(() => {
	for (const each of [server, other]) {
		each.seen.length = 0;
		each.say({ 'tools/call': begun, 'tasks/get': told, 'tasks/update': DONE, 'tasks/cancel': DONE });
	}
});

const DONE = '{"resultType":"complete"}';
const begun = ({ params }: ScriptedMessage): string =>
	`{ "n":1.0, "resultType":"task", "taskId" : "t-${String((params['arguments'] as { n?: number }).n)}", "status":"working" }`;
const told = ({ params }: ScriptedMessage): string =>
	`{"resultType":"complete","taskId":${JSON.stringify(params['taskId'])},"status":"completed","result":{"taskId":"inner"}}`;

interface Sent {
	readonly token?: string;
	readonly at?: string;
	readonly name?: string;
	readonly meta?: object;
	readonly id?: string | number;
	/** Which gateway; the one of this file where none is given. */
	readonly to?: TestGateway;
}

async function send(method: string, params: Record<string, unknown>, sent: Sent = {}): Promise<PlainAnswer> {
	const { token = ada, at = 'google/s/busy', meta = DECLARED, id = 1, to = gateway } = sent;
	const { body, headers } = modern(method, { ...params, _meta: meta }, id);
	const name = sent.name ?? (params['taskId'] as string | undefined);
	const named = { ...headers, ...(name !== undefined && { 'mcp-name': name }) };
	return post(`${to.url}/w/${at}/mcp`, body, { authorization: `Bearer ${token}`, ...named });
}

/** Begins the task `t-{n}` and returns the caller's id of it. */
async function begin(n: number, sent: Sent = {}, tool = 'work'): Promise<string> {
	return (await send('tools/call', { name: tool, arguments: { n } }, sent)).json.result.taskId as string;
}

const METHODS = ['tasks/get', 'tasks/update', 'tasks/cancel'];
const tasksSeen = (): readonly ScriptedMessage[] =>
	[...server.seen, ...other.seen].filter(({ method }) => method.startsWith('tasks/'));

/** What a refusal says, without the request id. */
async function refusalOf(method: string, taskId: string, sent: Sent = {}) {
	const { status, json } = await send(method, { taskId }, sent);
	const { code, message, data } = json.error;
	const lines = gateway.audit().filter(({ request }) => request === data.request_id);
	expect(lines).toMatchObject([{ outcome: 'refused', code: data.code }]);
	return { status, code, message, data: { ...data, request_id: '' } };
}

describe('the id of a task', () => {
	it('leaves sealed, with no other byte changed', async () => {
		const { text, json } = await send('tools/call', { name: 'work', arguments: { n: 1 } }, { id: 'c-1' });
		const id = json.result.taskId as string;
		expect(id).toMatch(/^[A-Za-z0-9_-]{40,}$/);
		const result = `{ "n":1.0, "resultType":"task", "taskId" : "${id}", "status":"working" }`;
		expect(text).toBe(`{"jsonrpc":"2.0","id":"c-1","result":${result}}`);
	});

	it('is always the same for a task of one person, and another for each task and person', async () => {
		const ids = [await begin(1), await begin(1), await begin(2), await begin(1, { token: bob })];
		expect(ids[1]).toBe(ids[0]);
		expect(new Set(ids).size).toBe(3);
	});

	it.each(METHODS)('reaches the server of %s as its own, in message and header', async (method) => {
		const id = await begin(1);
		const { json } = await send(method, { taskId: id, inputResponses: { a: 1 } });
		const got = tasksSeen().at(-1);
		expect([got?.params['taskId'], got?.headers['mcp-name']]).toEqual(['t-1', 't-1']);
		const sent = JSON.stringify(modern(method, { taskId: id, inputResponses: { a: 1 }, _meta: DECLARED }).body);
		expect(got?.text).toBe(sent.replace(id, 't-1'));
		expect(json.result.resultType).toBe('complete');
	});

	it('is the same in what the server tells of the task, and nothing else there changes', async () => {
		const id = await begin(1);
		const { text } = await send('tasks/get', { taskId: id });
		const result = `{"resultType":"complete","taskId":"${id}","status":"completed","result":{"taskId":"inner"}}`;
		expect(text).toBe(`{"jsonrpc":"2.0","id":1,"result":${result}}`);
		server.say({ 'tasks/get': `stream:{"jsonrpc":"2.0","id":$ID,"result":{"taskId":"t-1","status":"working"}}` });
		const streamed = await send('tasks/get', { taskId: id });
		expect(streamed.json.result).toEqual({ taskId: id, status: 'working' });
	});

	it('may be any text', async () => {
		server.say({ 'tools/call': '{"resultType":"task","taskId":"a/é \\"b\\" =?base64?"}' });
		const id = await begin(1);
		expect((await send('tasks/get', { taskId: id })).json.result.taskId).toBe(id);
		const { params, headers } = tasksSeen().at(-1) as ScriptedMessage;
		expect(params['taskId']).toBe('a/é "b" =?base64?');
		const encoded = /^=\?base64\?(.+)\?=$/.exec(String(headers['mcp-name']))?.[1] ?? '';
		expect(Buffer.from(encoded, 'base64').toString()).toBe(params['taskId']);
	});

	it('must stand in the header as the caller has it', async () => {
		const id = await begin(1);
		for (const name of ['t-1', 'other']) {
			const { status, json } = await send('tasks/get', { taskId: id }, { name });
			expect([status, json.error.code]).toEqual([400, -32020]);
		}
	});

	it('passes an error of the server as it is', async () => {
		server.say({ 'tasks/get': 'error:{"code":-32602,"message":"Task has expired"}' });
		const { json } = await send('tasks/get', { taskId: await begin(1) });
		expect(json.error).toEqual({ code: -32602, message: 'Task has expired' });
	});
});

describe('a task of somebody else', () => {
	it.each(METHODS)('is as unknown to %s as one that never was', async (method) => {
		const id = await begin(1);
		const invented = await refusalOf(method, 'never-was');
		expect(invented).toMatchObject({ status: 200, code: -32602, data: { code: 'PC_TASK_UNKNOWN' } });
		const others: readonly Sent[] = [
			{ token: bob },
			{ at: 'google/s/other' },
			{ at: 'microsoft/s/busy' },
			{ token: bob, at: 'microsoft/s/other' },
		];
		for (const sent of others) expect(await refusalOf(method, id, sent)).toEqual(invented);
		for (const taskId of ['t-1', `${id}A`, id.slice(1), '', id.toLowerCase()])
			expect(await refusalOf(method, taskId)).toEqual(invented);
		expect(tasksSeen()).toEqual([]);
	});

	it('is unknown to another gateway', async () => {
		const to = keep(await startGateway(config()));
		const token = to.tokenFor(['G'], { oid: OID });
		const { json } = await send('tasks/get', { taskId: await begin(1) }, { to, token });
		expect(json.error.data.code).toBe('PC_TASK_UNKNOWN');
	});

	it('is not reached when two people begin tasks of one name at the same time', async () => {
		const ids = await Promise.all([ada, bob].map((token) => begin(1, { token, id: 5 })));
		const answers = await Promise.all([ada, bob].map((token, at) => send('tasks/get', { taskId: ids[at] }, { token })));
		expect(answers.map(({ json }) => json.result.taskId)).toEqual(ids);
		expect((await refusalOf('tasks/cancel', ids[0] as string, { token: bob })).data.code).toBe('PC_TASK_UNKNOWN');
	});
});

describe('who may ask about a task', () => {
	it('is who may use the tool that began it', async () => {
		const id = await begin(1, { token: reader });
		expect((await send('tasks/get', { taskId: id }, { token: reader })).json.result.taskId).toBe(id);
		expect(gateway.audit().at(-1)).toMatchObject({ workspace: 'google', server: 'busy', tool: 'work', outcome: 'ok' });
	});

	it('changes with the rules for the tool', async () => {
		const id = await begin(1, {}, 'change');
		const demoted = gateway.tokenFor(['R'], { oid: OID });
		expect((await refusalOf('tasks/get', id, { token: demoted })).data.code).toBe('PC_METHOD_UNKNOWN');
		expect((await send('tasks/get', { taskId: id })).json.result.taskId).toBe(id);
	});

	it('is who may change things, once the tool is listed no more', async () => {
		const gone = toolsText(`{"name":"gone","inputSchema":{},${READ}}`);
		const brief = keep(await startScripted('modern', { 'tools/list': gone, 'tools/call': begun, 'tasks/get': told }));
		const servers = { brief: { transport: 'http', url: brief.url, limits: { listAgeMs: 1 } } };
		const grants = ['read', 'write'].map((access) => ({ group: access, workspace: 'google', access }));
		const to = keep(await startGateway({ workspaces: { google: { servers } }, grants }));
		const as = (level: string): Sent => ({ to, at: 'google/s/brief', token: to.tokenFor([level], { oid: OID }) });
		const taskId = await begin(1, as('read'), 'gone');
		expect((await send('tasks/get', { taskId }, as('read'))).json.result.taskId).toBe(taskId);
		brief.say({ 'tools/list': TOOLS });
		const asReader = async () => (await send('tasks/get', { taskId }, as('read'))).json;
		await expect.poll(async () => (await asReader()).error?.code).toBe(-32601);
		expect((await send('tasks/get', { taskId }, as('write'))).json.result.taskId).toBe(taskId);
	});

	it.each(METHODS)('has to declare the extension for %s, whatever the id is', async (method) => {
		const id = await begin(1);
		for (const taskId of [id, 'never-was'])
			for (const meta of [{}, { 'io.modelcontextprotocol/clientCapabilities': { extensions: {} } }]) {
				const refusal = await refusalOf(method, taskId, { meta });
				expect(refusal).toMatchObject({ status: 400, code: -32021 });
				expect(refusal.data).toMatchObject({ requiredCapabilities: { extensions: TASKS } });
			}
		expect(tasksSeen()).toEqual([]);
	});

	it.each(['tasks/list', 'tasks/result', 'tasks/anything'])('has no method %s', async (method) => {
		server.say({ [method]: '{"resultType":"complete","tasks":[{"taskId":"t-1"}]}' });
		const { status, json } = await send(method, { taskId: await begin(1) });
		expect([status, json.error.code]).toEqual([404, -32601]);
		expect(tasksSeen()).toEqual([]);
	});

	it('asks, and does not just notify', async () => {
		const { id: _id, ...body } = modern('tasks/cancel', { taskId: 't-1' }).body as { id: number };
		const headers = { 'mcp-protocol-version': '2026-07-28', authorization: `Bearer ${ada}` };
		expect((await post(`${gateway.url}/w/google/s/busy/mcp`, body, headers)).status).toBe(404);
		expect(tasksSeen()).toEqual([]);
	});

	it('names the task by text', async () => {
		const { json } = await send('tasks/get', { taskId: 7 }, { name: '7' });
		expect(json.error.data.code).toBe('PC_PARAMS_INVALID');
	});
});

describe('a subscription to tasks', () => {
	const notice = (taskId: string) =>
		`{"jsonrpc":"2.0","method":"notifications/tasks","params":{ "taskId" : "${taskId}", "status":"working","n":1.0}}`;
	const acknowledged = (...taskIds: readonly string[]) =>
		`{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"notifications":{"x":1.0,"taskIds":${JSON.stringify(taskIds)}}}}`;
	const END = '{"jsonrpc":"2.0","id":$ID,"result":{"resultType":"complete"}}';
	const listen = (notifications: object, sent: Sent = {}) => send('subscriptions/listen', { notifications }, sent);
	const framesOf = ({ text }: PlainAnswer) =>
		text.split('\n').flatMap((line) => (line.startsWith('data: ') ? [line.slice(6)] : []));

	it('takes the caller’s ids to the server and brings them back', async () => {
		const [one, two] = [await begin(1), await begin(2)];
		const lines = [acknowledged('t-2', 't-1'), notice('t-1'), notice('t-2'), END];
		server.say({ 'subscriptions/listen': `stream:${lines.join('\n')}` });
		const answer = await listen({ toolsListChanged: true, taskIds: [one, two] });
		expect(server.seen.at(-1)?.params['notifications']).toEqual({ toolsListChanged: true, taskIds: ['t-1', 't-2'] });
		const expected = [acknowledged(two, one), notice(one), notice(two), END.replace('$ID', '1')];
		expect(framesOf(answer)).toEqual(expected);
	});

	it('leaves out what is not the caller’s, on the way there and on the way back', async () => {
		const [mine, foreign] = [await begin(1), await begin(2, { token: bob })];
		const lines = [acknowledged('t-1', 't-2'), notice('t-2'), notice('t-9'), notice('t-1'), END];
		server.say({ 'subscriptions/listen': `stream:${lines.join('\n')}` });
		const answer = await listen({ taskIds: [foreign, mine, 't-2', 'never-was', 7] });
		expect(server.seen.at(-1)?.params['notifications']).toEqual({ taskIds: ['t-1'] });
		expect(framesOf(answer)).toEqual([acknowledged(mine), notice(mine), END.replace('$ID', '1')]);
	});

	it('tells nobody of tasks who did not ask', async () => {
		server.say({ 'subscriptions/listen': `stream:${[acknowledged('t-1'), notice('t-1'), END].join('\n')}` });
		const answer = await listen({ toolsListChanged: true });
		expect(framesOf(answer)).toEqual([acknowledged(), END.replace('$ID', '1')]);
	});

	it('has to declare the extension, and to name the tasks as the specification does', async () => {
		const id = await begin(1);
		const undeclared = await listen({ taskIds: [id] }, { meta: {} });
		expect([undeclared.status, undeclared.json.error.code]).toEqual([400, -32021]);
		for (const notifications of [{ taskIds: id }, { taskIds: null }, { TaskIds: [id] }, { taskIdſ: ['t-1'] }]) {
			const { json } = await listen(notifications);
			expect(json.error.data.code).toBe('PC_PARAMS_INVALID');
		}
		expect(server.seen.filter(({ method }) => method === 'subscriptions/listen')).toEqual([]);
	});
});

describe('tasks of 2025-11-25', () => {
	it('pass within a session of the server’s own, but for the list of them', async () => {
		const old = keep(await startLegacyHttp({ canary: 'OLD' }));
		const servers = { old: { transport: 'http', url: old.url } };
		const grants = [{ group: 'G', workspace: 'google', access: 'write' }];
		const second = keep(await startGateway({ workspaces: { google: { servers } }, grants }));
		const url = `${second.url}/w/google/s/old/mcp`;
		const session = await openPlainSession(url, { authorization: `Bearer ${second.tokenFor(['G'])}` });
		const seen = () => old.seen.filter(({ body }) => JSON.stringify(body ?? '').includes('"tasks/')).length;
		for (const method of ['tasks/get', 'tasks/result', 'tasks/cancel'])
			await post(url, legacy(method, { taskId: 't-1' }), session.headers);
		expect(seen()).toBe(3);
		for (const method of ['tasks/list', 'tasks/other']) {
			const { status, json } = await post(url, legacy(method, {}), session.headers);
			expect([status, json.error.code, json.error.data.code]).toEqual([200, -32601, 'PC_METHOD_UNKNOWN']);
		}
		const authorization = `Bearer ${second.tokenFor(['G'])}`;
		const stateless = await post(url, legacy('tasks/get', { taskId: 't-1' }), { authorization });
		expect(stateless.json.error.data.code).toBe('PC_METHOD_UNKNOWN');
		expect(seen()).toBe(3);
	});
});
