/**
 * The stdio build of the fixture: `node stdio-server.mjs '<options as JSON>'`, one JSON-RPC message per line. Options
 * come in argv, so that `whoami` can show the environment as it was given. See StdioOptions in stdio.ts; what a
 * person types is `--era modern|legacy --conformance`.
 */
import { spawn } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
	answerText,
	appliesTo,
	checkListen,
	createBehaviour,
	createListenRegistry,
	createSessionState,
	distort,
	errorPayload,
	RpcError,
} from './behaviour.mjs';

const ENVELOPE_KEY = 'io.modelcontextprotocol/protocolVersion';

const options = readOptions(process.argv.slice(2));
const session = createSessionState();
const listens = createListenRegistry();
const behaviour = createBehaviour(options, {
	broadcast,
	onCancelled: (call) => record({ event: 'cancelled', ...call }),
});

/** Requests being answered, by id. @type {Map<unknown, AbortController>} */
const running = new Map();
/** Ways to end an open listen, by request id. @type {Map<unknown, () => void>} */
const openListens = new Map();
/** Our own requests to the client, by id. @type {Map<unknown, (answer: unknown) => void>} */
const asked = new Map();
let questions = 0;

/** @param {string[]} argv */
function readOptions(argv) {
	if (!argv[0]?.startsWith('--')) return JSON.parse(argv[0] ?? '{}');
	const options = /** @type {const} */ ({ era: { type: 'string' }, conformance: { type: 'boolean' } });
	return parseArgs({ args: argv, options }).values;
}

/** @param {object} entry */
function record(entry) {
	if (options.logPath) appendFileSync(options.logPath, `${JSON.stringify(entry)}\n`);
}

/** @param {string} text */
function writeLine(text) {
	const noise = options.noise === undefined ? '' : `${options.noise}\n`;
	process.stdout.write(`${noise}${text}\n`);
}

/** @param {object} message */
const send = (message) => writeLine(JSON.stringify(message));

/**
 * @param {string} method
 * @param {Record<string, unknown>} params
 */
function broadcast(method, params) {
	listens.broadcast(method, params);
	const unwanted = method === 'notifications/resources/updated' && !session.subscribed.has(String(params.uri));
	if (session.version !== undefined && !unwanted) send({ jsonrpc: '2.0', method, params });
}

/**
 * @param {string} method
 * @param {object} params
 * @param {AbortSignal} signal
 */
async function ask(method, params, signal) {
	const id = `server-${++questions}-${process.pid}`;
	signal.throwIfAborted();
	send({ jsonrpc: '2.0', id, method, params });
	return new Promise((resolve, reject) => {
		asked.set(id, resolve);
		signal.addEventListener('abort', () => {
			if (!asked.delete(id)) return;
			send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: id } });
			reject(new Error('the call was cancelled'));
		});
	});
}

/** @param {any} message */
function settle({ id, result, error }) {
	asked.get(id)?.(result ?? { error });
	asked.delete(id);
}

/**
 * @param {'modern' | 'legacy'} era
 * @param {AbortSignal} signal
 */
const exchange = (era, signal) => ({
	era,
	session,
	credential: { ...process.env },
	signal,
	notify: (/** @type {string} */ method, /** @type {object} */ params) => send({ jsonrpc: '2.0', method, params }),
	ask: (/** @type {string} */ method, /** @type {object} */ params) => ask(method, params, signal),
	crash: () => process.exit(1),
	openStream: () => undefined,
	closeStream: () => undefined,
});

/** @param {any} request */
function eraOf(request) {
	const modern = request.params?._meta?.[ENVELOPE_KEY] !== undefined;
	if (options.era === 'legacy') return 'legacy';
	if (options.era === 'modern' && !modern) return undefined;
	return modern ? 'modern' : 'legacy';
}

/** @param {any} request */
async function answer(request) {
	const era = eraOf(request);
	if (era === undefined) {
		const gone = request.method === 'initialize';
		const error = gone ? new RpcError(-32601, 'method not found') : new RpcError(-32602, 'missing _meta');
		return { id: request.id, payload: errorPayload(error), status: 400 };
	}
	const controller = new AbortController();
	running.set(request.id, controller);
	const result = await behaviour.handle(request, exchange(era, controller.signal));
	running.delete(request.id);
	return result;
}

/** @param {any} request */
function openListen(request) {
	try {
		checkListen(request);
		openListens.set(request.id, listens.open(request, send));
	} catch (error) {
		writeLine(answerText(request.id, errorPayload(/** @type {RpcError} */ (error))));
	}
}

/** @param {any} request */
async function serve(request) {
	if (request.method === 'subscriptions/listen' && eraOf(request) === 'modern') return openListen(request);
	const result = await answer(request);
	if (!result) return;
	const hostile = appliesTo(options.hostile, request.method) ? options.hostile : undefined;
	if (hostile?.kind === 'delay') await sleep(hostile.delayMs);
	for (const text of distort(hostile, result)) writeLine(text);
}

/** @param {any} params */
function cancel(params) {
	running.get(params?.requestId)?.abort();
	openListens.get(params?.requestId)?.();
}

/** @param {any} message */
function receive(message) {
	const name = message.params?.name ?? message.params?.uri;
	record({ event: 'request', method: message.method, name, body: message });
	if (message.method === undefined) settle(message);
	else if (message.method === 'notifications/cancelled') cancel(message.params);
	else if (message.id !== undefined) void serve(message);
}

/** @param {string} line */
function receiveLine(line) {
	try {
		receive(JSON.parse(line));
	} catch (error) {
		writeLine(answerText(null, errorPayload(new RpcError(-32700, `parse error: ${error}`))));
	}
}

/** A child that outlives us and holds our stdout open, unless whoever runs us ends the whole process group. */
function forkGrandchild() {
	const stdio = /** @type {const} */ (['ignore', 'inherit', 'ignore']);
	const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 300_000)'], { stdio: [...stdio] });
	child.unref();
	record({ event: 'grandchild', pid: child.pid });
}

function start() {
	record({ event: 'start', pid: process.pid });
	if (options.stderrText !== undefined) process.stderr.write(`${options.stderrText}\n`);
	if (options.exitAtStart !== undefined) process.exit(options.exitAtStart);
	if (options.grandchild) forkGrandchild();
	if (options.ignoreSigterm) process.on('SIGTERM', () => record({ event: 'sigterm' }));
	const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
	lines.on('line', receiveLine);
	lines.on('close', () => {
		record({ event: 'eof' });
		if (options.ignoreEof) setInterval(() => {}, 60_000);
		else process.exit(0);
	});
}

start();
