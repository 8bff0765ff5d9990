import { readFileSync } from 'node:fs';
import { type EndpointNeeds, needsOf, recommendedSignIn, signInOf } from '../catalogue/endpoint-needs.ts';
import type { Endpoint } from '../catalogue/endpoint-schema.ts';
import type { CatalogueEntry } from '../catalogue/entry-schema.ts';
import type { SignIn, Variable } from '../catalogue/field-schema.ts';
import type { Catalogue } from '../catalogue/load-catalogue.ts';
import { pickEndpoint } from '../catalogue/pick-endpoint.ts';
import { type JsonObject, pathOf } from './api-client.ts';
import type { ApiSession } from './api-session.ts';
import type { CommandIo } from './command.ts';
import { usageFault } from './command-error.ts';
import { given } from './given.ts';
import { serviceOf } from './install-program.ts';
import { nextSteps } from './next-steps.ts';
import { counted, printable } from './output.ts';
import { serverPath } from './server-path.ts';

/** How a service of the catalogue is to be added. */
export interface ServiceOptions {
	readonly slug?: string;
	readonly endpoint?: string;
	readonly signIn?: string;
	readonly set?: readonly string[];
	readonly secretsFile?: string;
}

/** Where a service is to be added, and with what. */
export interface ServiceWish {
	readonly catalogue: Catalogue;
	readonly workspace: string;
	readonly service: string;
	readonly options: ServiceOptions;
}

const STDIN = 0;

/** Adds a service of the catalogue as a server, keeps its secrets, and asks it for its tools. */
export async function addFromCatalogue(session: ApiSession, ask: CommandIo['ask'], wish: ServiceWish): Promise<void> {
	const { workspace, options } = wish;
	const { entry, endpoint, signIn } = chosen(wish, (note) => session.say(note));
	const needs = needsOf(endpoint, signIn);
	const variables = await variablesOf(needs.variables, settings(options.set ?? []), ask);
	const secrets = secretsOf(needs, options.secretsFile);
	const slug = options.slug ?? entry.id;
	const server = `${workspace}/${slug}`;
	const optional = needs.secrets.filter(({ name, required }) => required === false && Object.hasOwn(secrets, name));
	const made = await session.create(pathOf('workspaces', workspace, 'catalogue', entry.id), {
		...{ slug, endpoint: endpoint.key, signIn: signIn.kind, variables },
		...given({ secrets: optional.length > 0 ? optional.map(({ name }) => name) : undefined }),
	});
	session.show(made, () => `Added ${entry.name} to ${workspace} as the server ${server}.`);
	if (Object.keys(secrets).length > 0) {
		await session.put(serverPath(server, 'credential'), () => ({ values: secrets }));
		session.say(`Kept its credential: ${Object.keys(secrets).sort().join(', ')}.`);
	}
	const steps = nextSteps({ entry, endpoint, needs, server, isKept: (name) => Object.hasOwn(secrets, name) });
	for (const step of steps) session.say(step);
	if (steps.length === 0) await tryOut(session, server);
}

interface Chosen {
	readonly entry: CatalogueEntry;
	readonly endpoint: Endpoint;
	readonly signIn: SignIn;
}

function chosen({ catalogue, service, options }: ServiceWish, say: (note: string) => void): Chosen {
	const { entry, note, endpoint: meant } = serviceOf(catalogue, service);
	if (note !== undefined) say(note);
	const pick = pickEndpoint(entry, options.endpoint ?? meant);
	if ('reason' in pick) {
		throw usageFault(`${entry.name} has no such endpoint to use; name one with --endpoint: ${pick.keys.join(', ')}.`);
	}
	const { endpoint } = pick;
	const signIn = options.signIn === undefined ? recommendedSignIn(endpoint) : signInOf(endpoint, options.signIn);
	if (signIn !== undefined) return { entry, endpoint, signIn };
	const kinds = endpoint.signIn.map(({ kind }) => kind).join(', ');
	throw usageFault(`One signs in at ${entry.name} by one of: ${kinds}.`);
}

function settings(texts: readonly string[]): Readonly<Record<string, string>> {
	const pairs = texts.map((text) => {
		const at = text.indexOf('=');
		if (at < 1) throw usageFault('Write --set name=value.');
		return [text.slice(0, at), text.slice(at + 1)] as const;
	});
	return Object.fromEntries(pairs);
}

// Whoever sits at a terminal is asked for what is missing; a script is told all of it at once.
async function variablesOf(
	variables: readonly Variable[],
	set: Readonly<Record<string, string>>,
	ask: CommandIo['ask'],
): Promise<Readonly<Record<string, string>>> {
	const unknown = Object.keys(set).find((name) => !variables.some((variable) => variable.name === name));
	if (unknown !== undefined) {
		const names = variables.map(({ name }) => name).join(', ') || 'none';
		throw usageFault(`There is nothing called ${printable(unknown)} to set; there is: ${names}.`);
	}
	const missing = variables.filter(
		({ name, required, default: usual }) => required === true && usual === undefined && set[name] === undefined,
	);
	const answers: [string, string][] = [];
	for (const variable of missing) {
		const answer = await ask(`${questionOf(variable)}: `);
		if (answer === undefined || answer.trim() === '') {
			throw usageFault(`Missing: ${missing.map((each) => `--set ${each.name}=… (${questionOf(each)})`).join('; ')}.`);
		}
		answers.push([variable.name, answer.trim()]);
	}
	return { ...set, ...Object.fromEntries(answers) };
}

function questionOf({ description, where, example, choices }: Variable): string {
	const hint =
		choices !== undefined ? `one of ${choices.join(', ')}` : example !== undefined ? `such as ${example}` : '';
	return [description, ...[hint, where ?? ''].filter((each) => each !== '')].join('; ');
}

// Never on the command line, which everybody on the machine can read.
function secretsOf({ secrets }: EndpointNeeds, file: string | undefined): JsonObject {
	if (file === undefined) return {};
	const values = readSecrets(file);
	const strange = Object.keys(values).find((name) => !secrets.some((secret) => secret.name === name));
	if (strange !== undefined) {
		const names = secrets.map(({ name }) => name).join(', ') || 'none';
		throw usageFault(`The service knows no secret ${printable(strange)}; it knows: ${names}.`);
	}
	return values;
}

function readSecrets(file: string): JsonObject {
	try {
		const value: unknown = JSON.parse(readFileSync(file === '-' ? STDIN : file, 'utf8'));
		if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
	} catch {
		// What is wrong with it is told below, and never what stands in it.
	}
	throw usageFault('--secrets-file takes a file with a JSON object of names and values; - is standard input.');
}

// The server is there, whatever comes of this: what keeps it from answering is told, and can be mended.
async function tryOut(session: ApiSession, server: string): Promise<void> {
	try {
		const tools = await session.all(serverPath(server, 'tools'));
		session.say(`It answers: ${counted(tools.length, 'tool')}.`);
	} catch (error) {
		session.say(`It does not answer yet: ${(error as Error).message} Try again: portcullis server test ${server}`);
	}
}
