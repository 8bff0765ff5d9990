import { randomUUID } from 'node:crypto';
import { type ApiAnswer, type ApiClient, ApiProblem, type JsonObject } from './api-client.ts';
import { type CommandIo, guarded } from './command.ts';
import { CommandError, failed, usageFault } from './command-error.ts';
import { type ClientOptions, openClient } from './open-client.ts';
import { type Column, printable, renderJson, renderTable, renderThing } from './output.ts';
import { createProgress, type Progress } from './progress.ts';

/** Options of every command that asks the management API. */
export interface ApiOptions extends ClientOptions {
	readonly json?: boolean;
	readonly limit?: number;
	readonly yes?: boolean;
}

/** A conversation with the management API, and the words for it. */
export interface ApiSession {
	read(path: string): Promise<JsonObject>;
	/** Every item of a list, page after page, as far as `--limit`. */
	list(path: string): Promise<readonly JsonObject[]>;
	/** The same without a limit, to look for something. */
	all(path: string): Promise<readonly JsonObject[]>;
	/** Creates something, once even where the answer gets lost. */
	create(path: string, body: unknown): Promise<JsonObject>;
	/** Asks for something that neither creates nor changes anything there is. */
	post(path: string, body: unknown): Promise<JsonObject>;
	/** Changes what is there as it was just read, or fails where somebody else was faster. */
	change(method: 'PATCH' | 'PUT' | 'DELETE', path: string, body?: unknown): Promise<JsonObject>;
	/** Puts something where nothing or something is; the body is made of what is there. */
	put(path: string, bodyFor: (before: JsonObject | undefined) => unknown): Promise<JsonObject>;
	/** Says a thing as JSON, or in these words, if any; without the function, all that is known of it. */
	show(thing: unknown, words?: () => string | undefined): void;
	/** Says a list as JSON or as a table. */
	showList(items: readonly JsonObject[], columns: readonly Column[], noun: string): void;
	/** Says nothing where JSON is wanted. */
	say(sentence: string): void;
	/** Goes on only when whoever is there gives the expected answer; `--yes` stands for it. */
	confirm(question: Question): Promise<void>;
}

/** Something that is not done unasked. */
export interface Question {
	readonly text: string;
	/** What must be typed. */
	readonly expected: string;
}

const PAGE = 200;
const WAITING = 'waiting for the answer';

/** Runs a command on the management API; what goes wrong is told as everywhere. */
export function runApi(io: CommandIo, options: ApiOptions, run: (session: ApiSession) => Promise<void>): Promise<void> {
	return guarded(io, async () => {
		const progress = createProgress(io.fail);
		try {
			const client = await openClient(options, io, progress);
			progress.say(WAITING);
			await closing(client, () => run(createSession(client, { io, options, progress })));
		} finally {
			progress.end();
		}
	});
}

// A failure of the command counts for more than one of the closing.
async function closing(client: ApiClient, run: () => Promise<void>): Promise<void> {
	try {
		await run();
	} catch (error) {
		await client.close().catch(() => undefined);
		throw error;
	}
	await client.close();
}

interface Around {
	readonly io: CommandIo;
	readonly options: ApiOptions;
	readonly progress: Progress;
}

function createSession(client: ApiClient, { io, options, progress }: Around): ApiSession {
	const { json = false, limit = Number.POSITIVE_INFINITY } = options;
	const session: ApiSession = {
		read: async (path) => objectIn(await client.request({ method: 'GET', path })),
		list: (path) => listAll(client, path, limit),
		all: (path) => listAll(client, path, Number.POSITIVE_INFINITY),
		async create(path, body) {
			const request = { method: 'POST', path, body, headers: { 'idempotency-key': randomUUID() } } as const;
			return objectIn(await client.request(request).catch((error) => again(error, () => client.request(request))));
		},
		post: async (path, body) => objectIn(await client.request({ method: 'POST', path, body })),
		async change(method, path, body) {
			const { etag } = await client.request({ method: 'GET', path });
			return objectIn(await client.request({ method, path, body, headers: { 'if-match': etag ?? '*' } }));
		},
		async put(path, bodyFor) {
			const before = await client.request({ method: 'GET', path }).catch(absent);
			const body = bodyFor(before && objectIn(before));
			const match = before === undefined ? { 'if-none-match': '*' } : { 'if-match': before.etag ?? '*' };
			return objectIn(await client.request({ method: 'PUT', path, body, headers: match }));
		},
		show(thing, words) {
			if (json) return io.out(renderJson(thing));
			const text = words === undefined ? renderThing(thing) : words();
			if (text !== undefined) io.out(printable(text));
		},
		showList(items, columns, noun) {
			if (json) io.out(renderJson({ items }));
			else io.out(items.length === 0 ? `There are no ${noun}s.` : renderTable(columns, items));
		},
		say(sentence) {
			if (!json) io.out(printable(sentence));
		},
		confirm: async (question) => {
			if (options.yes === true) return;
			progress.end();
			await confirm(io, question);
			progress.say(WAITING);
		},
	};
	return session;
}

function objectIn({ body }: ApiAnswer): JsonObject {
	return (body ?? {}) as JsonObject;
}

const isAbsent = (error: unknown): boolean => error instanceof ApiProblem && error.status === 404;

function absent(error: unknown): undefined {
	if (!isAbsent(error)) throw error;
}

// With one key it is carried out once, however often it arrives.
function again(error: unknown, retry: () => Promise<ApiAnswer>): Promise<ApiAnswer> {
	const isLost = error instanceof CommandError && !(error instanceof ApiProblem) && error.exitCode === 3;
	if (!isLost) throw error;
	return retry();
}

async function listAll(client: ApiClient, path: string, limit: number): Promise<readonly JsonObject[]> {
	const items: JsonObject[] = [];
	let cursor: unknown;
	do {
		const query = new URLSearchParams({ limit: String(Math.min(PAGE, limit - items.length)) });
		if (typeof cursor === 'string') query.set('cursor', cursor);
		const page = objectIn(
			await client.request({ method: 'GET', path: path + (path.includes('?') ? '&' : '?') + query }),
		);
		items.push(...((page['items'] ?? []) as readonly JsonObject[]));
		cursor = page['next'];
	} while (typeof cursor === 'string' && items.length < limit);
	return items;
}

async function confirm(io: CommandIo, { text, expected }: Question): Promise<void> {
	const answer = await io.ask(`${text} Type ${expected} to go on: `);
	if (answer === undefined) throw usageFault(`${text} Nobody is there to be asked; give --yes.`);
	if (answer.trim() !== expected) throw failed('Nothing was done.');
}
