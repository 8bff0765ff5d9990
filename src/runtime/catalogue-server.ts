import type { Endpoint, ProgramEndpoint } from '../catalogue/endpoint-schema.ts';
import { type Filling, fillEndpoint, type ValueFault } from '../catalogue/fill-endpoint.ts';
import type { JsonObject } from '../config/declared.ts';
import { escapePlainText } from '../config/secret-template.ts';
import { catalogueProgram } from './catalogue-program.ts';
import { ARGUMENT_VARIABLE } from './launch.ts';

/** A server as the configuration file writes it, or what is wrong with the values it is made of. */
export type CatalogueServer = { readonly entry: JsonObject } | { readonly faults: readonly ValueFault[] };

/** The server that an endpoint of the catalogue makes with these values. Its secrets are references to its credential. */
export function catalogueServer(endpoint: Endpoint, filling: Filling): CatalogueServer {
	const filled = fillEndpoint(endpoint, filling);
	if ('faults' in filled) return filled;
	const { filled: found } = filled;
	if (found.transport === 'stdio') {
		const program = programPart(endpoint as ProgramEndpoint, found);
		return { entry: { transport: 'stdio', ...whoseOf(filled.filled), ...program } };
	}
	const query = Object.entries(found.query).map(([name, value]) => `${encodeURIComponent(name)}=${value}`);
	const plain = escapePlainText(found.url);
	const url = query.length === 0 ? plain : `${plain}${plain.includes('?') ? '&' : '?'}${query.join('&')}`;
	if (filling.signIn?.kind.startsWith('oauth2') === true) {
		const { scopes } = filling.signIn;
		const oauth = { ...(scopes !== undefined && { scopes }) };
		const headers = { authorization: 'Bearer ${secret:token}', ...lowered(found.headers) };
		return { entry: { transport: found.transport, url, credential: 'principal', oauth, headers } };
	}
	const headers = Object.keys(found.headers).length > 0 && { headers: found.headers };
	return { entry: { transport: found.transport, url, ...whoseOf(found), ...headers } };
}

const lowered = (headers: Readonly<Record<string, string>>): JsonObject =>
	Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

/** Whoever has no secret to send says so; what is left is the workspace's, unless somebody makes it each person's own. */
function whoseOf(filled: unknown): JsonObject {
	return SECRET.test(JSON.stringify(filled)) ? {} : { credential: 'none' };
}

interface Filled {
	readonly args: readonly string[];
	readonly env: Readonly<Record<string, string>>;
}

const SECRET = /\$\{secret:/;

/** An argument that names a secret stands empty; a variable with its place carries it to the program. */
function programPart(endpoint: ProgramEndpoint, { args, env }: Filled): JsonObject {
	const carried = args.flatMap((text, place) => (SECRET.test(text) ? [[`${ARGUMENT_VARIABLE}${place}`, text]] : []));
	return {
		runtime: catalogueProgram(endpoint),
		args: args.map((text) => (SECRET.test(text) ? '' : escapePlainText(text))),
		env: { ...env, ...Object.fromEntries(carried) },
	};
}
