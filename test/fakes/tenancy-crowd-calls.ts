import type { Params } from './tenancy-caller.ts';
import { foreignMarks } from './tenancy-canary.ts';
import { answerOf, type Member, pick } from './tenancy-crowd-member.ts';
import { type AddressKind, nameAt, pathAt } from './tenancy-matrix.ts';
import type { Build } from './tenancy-upstream.ts';
import { bytesOf, type Delivery, messagesIn, refusalIn, responseIn } from './tenancy-wire.ts';

/** What members of a crowd do, and what is wrong with what they get. */
export interface Judged {
	readonly faults: readonly string[];
	/** The gateway's error code, if that is what came. */
	readonly refusal: string | undefined;
	readonly build: Build;
}

/** Canary of a workspace's server. */
export type CanaryOf = (workspace: string, build: Build) => string;

/** Everybody uses the same progress token, as everybody uses the same ids. */
const TOKEN = 7;
const ADDRESSES: readonly AddressKind[] = ['server', 'workspace', 'all'];
const SAME_WORDS = 'the same words for everybody';
const MODERN: readonly Build[] = ['http-modern', 'stdio-modern'];
/** Of a thousand calls, how many ask, how many try a stolen session, and how many list. */
const ASKING = 30;
const STOLEN = 10;
const LISTING = 2;

interface Place {
	readonly build: Build;
	readonly address: AddressKind;
}

/** One call of a member, chosen at random. */
export async function act(member: Member, canaryOf: CanaryOf): Promise<Judged> {
	const { random, servers } = member;
	const place = { build: pick(random, servers), address: pick(random, ADDRESSES) };
	const dice = random() * 1_000;
	if (dice < ASKING && member.asking.includes(place.build)) return beAsked(member, place, canaryOf);
	if (dice < ASKING + STOLEN && member.era === 'legacy') return trySession(member, place);
	if (dice < ASKING + STOLEN + LISTING) return list(member, place, canaryOf);
	return use(member, place, canaryOf);
}

/** A plain call of one server at its own address. */
export async function greet(member: Member, build: Build, canaryOf: CanaryOf): Promise<Judged> {
	return say(member, { build, address: 'server' }, { tool: 'echo', args: { text: SAME_WORDS } }, canaryOf);
}

function use(member: Member, place: Place, canaryOf: CanaryOf): Promise<Judged> {
	const { random, name } = member;
	const words = random() < 0.5 ? SAME_WORDS : `of ${name}`;
	if (random() < 0.75) return say(member, place, { tool: 'echo', args: { text: words } }, canaryOf);
	const steps = 1 + Math.floor(random() * 3);
	return say(member, place, { tool: 'slow', args: { ms: 3 * steps, steps } }, canaryOf);
}

interface Wish {
	readonly tool: 'echo' | 'slow';
	readonly args: { readonly text?: string; readonly steps?: number; readonly ms?: number };
}

async function say(member: Member, place: Place, { tool, args }: Wish, canaryOf: CanaryOf): Promise<Judged> {
	const canary = canaryOf(member.workspace, place.build);
	const id = member.nextId();
	const params = { name: toolAt(member, place, tool), arguments: args, _meta: { progressToken: TOKEN } };
	const answer = await member.caller('plain').send(pathOf(member, place), 'tools/call', params, { id });
	const expected = `${canary}: ${tool === 'echo' ? args.text : 'slow done'}`;
	const silent = refusalIn(answer) !== undefined ? [] : progressFaults(answer, canary, args.steps ?? 0);
	return judged(member, place, { answer, found: [...idFaults(answer, id), ...silent], expected });
}

async function list(member: Member, place: Place, canaryOf: CanaryOf): Promise<Judged> {
	const id = member.nextId();
	const answer = await member.caller('plain').send(pathOf(member, place), 'tools/list', {}, { id });
	const lacks = answer.body.includes(canaryOf(member.workspace, place.build)) ? [] : ['the list lacks the server'];
	return judged(member, place, { answer, found: refusalIn(answer) ? [] : lacks, expected: undefined });
}

/** The server asks, and the member answers; a colleague who gets hold of the state must get nowhere with it. */
async function beAsked(member: Member, place: Place, canaryOf: CanaryOf): Promise<Judged> {
	const tool = MODERN.includes(place.build) ? 'ask' : 'elicit';
	const args = tool === 'ask' ? { question: 'Who?' } : { message: 'Who?' };
	const params = { name: toolAt(member, place, tool), arguments: args };
	const said = JSON.stringify(answerOf(member.name));
	const text = tool === 'ask' ? `Who? → ${said}` : `{"response":${said}}`;
	const expected = `${canaryOf(member.workspace, place.build)}: ${text}`;
	const id = member.nextId();
	const path = pathOf(member, place);
	const caller = member.caller('askable');
	const first = await caller.send(path, 'tools/call', params, { id });
	if (responseIn(first).result?.resultType !== 'input_required') {
		return judged(member, place, { answer: first, found: idFaults(first, id), expected });
	}
	const stolen = member.random() < 0.5 ? await tryState(member, path, { first, params }) : [];
	const nextId = member.nextId();
	const retry = { ...params, ...answersTo(first, member.name) };
	const answer = await caller.send(path, 'tools/call', retry, { id: nextId });
	const found = [...stolen, ...strangersIn(member, first), ...idFaults(answer, nextId)];
	return judged(member, place, { answer, found, expected });
}

function answersTo(answer: Delivery, name: string): Params {
	const { inputRequests, requestState } = responseIn(answer).result ?? {};
	const keys = Object.keys((inputRequests ?? {}) as object);
	return { requestState, inputResponses: Object.fromEntries(keys.map((key) => [key, answerOf(name)])) };
}

interface Asked {
	readonly first: Delivery;
	readonly params: Params;
}

async function tryState(member: Member, path: string, { first, params }: Asked): Promise<readonly string[]> {
	const thief = member.colleague();
	const retry = { ...params, ...answersTo(first, thief.name) };
	const answer = await thief.caller('askable').send(path, 'tools/call', retry);
	const refused = refusalIn(answer) === 'PC_REQUEST_STATE_INVALID';
	return refused ? [] : [`${thief.name} went on with the question of ${member.name}: ${answer.body}`];
}

/** Names the session of a colleague: it must be as unknown as one that never was. */
async function trySession(member: Member, place: Place): Promise<Judged> {
	const path = pathOf(member, place);
	const owner = member.colleague();
	const id = await owner.caller('plain').session(path);
	if (id === undefined) return { faults: [], refusal: undefined, build: place.build };
	const params = { name: toolAt(member, place, 'echo'), arguments: { text: SAME_WORDS } };
	const how = { sessionless: true, headers: { 'mcp-session-id': id } };
	const answer = await member.caller('plain').send(path, 'tools/call', params, how);
	const refused = answer.status === 404 && refusalIn(answer) === 'PC_SESSION_UNKNOWN';
	const faults = refused ? [] : [`${member.name} used the session of ${owner.name}: ${answer.body}`];
	return { faults, refusal: undefined, build: place.build };
}

const placeOf = ({ workspace }: Member, { build }: Place) => ({ workspace, server: build, suffix: '' });
const pathOf = (member: Member, place: Place): string => pathAt(place.address, placeOf(member, place));
const toolAt = (member: Member, place: Place, tool: string): string =>
	nameAt(place.address, placeOf(member, place), tool);

interface Outcome {
	readonly answer: Delivery;
	readonly found: readonly string[];
	/** The text that has to come back; `undefined` where anything will do. */
	readonly expected: string | undefined;
}

function judged(member: Member, { build, address }: Place, { answer, found, expected }: Outcome): Judged {
	const refusal = refusalIn(answer);
	const text = responseIn(answer).result?.content?.[0]?.text;
	const isOther = refusal === undefined && expected !== undefined && text !== expected;
	const wrong = isOther ? [`answered ${answer.status} ${answer.body} instead of ${expected}`] : [];
	const faults = [...strangersIn(member, answer), ...found, ...wrong];
	return {
		faults: faults.map(
			(fault) => `${member.name} of ${member.workspace}, ${member.era}, ${build} (${address}): ${fault}`,
		),
		refusal,
		build,
	};
}

/** Marks of other workspaces, and names of other people. */
export function strangersIn(
	{ name, workspace }: Pick<Member, 'name' | 'workspace'>,
	answer: Delivery,
): readonly string[] {
	const text = bytesOf(answer);
	const others = [...text.matchAll(/person-\d+/g)].map(([found]) => found).filter((found) => found !== name);
	return [...foreignMarks(text, [workspace]), ...others].map((found) => `got ${found}`);
}

function idFaults(answer: Delivery, id: number): readonly string[] {
	const { id: answered } = responseIn(answer);
	return answered === id ? [] : [`the answer has the id ${answered} instead of ${id}: ${answer.body}`];
}

function progressFaults(answer: Delivery, canary: string, steps: number): readonly string[] {
	const came = messagesIn(answer.body).filter(({ method }) => method !== undefined);
	const wanted = Array.from({ length: steps }, (_, index) => {
		const params = { progressToken: TOKEN, progress: index + 1, total: steps, 'x-vendor': canary };
		return JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params });
	});
	const texts = came.map((note) => JSON.stringify(note));
	return texts.join() === wanted.join() ? [] : [`progress was ${texts.join()}`];
}
