import type { AzureAuth, AzureSettings } from '../../config/secret-stores.ts';
import { type AskStore, createAskStore, type StoreAnswer, type StoreQuestion, secondsAt, textAt } from './ask-store.ts';
import { createHeldToken, type FreshToken } from './held-token.ts';
import { readProof } from './read-proof.ts';
import { failureOfStatus, StoreFailure } from './store-failure.ts';

/** An Azure Key Vault in which the gateway is signed in. */
export interface AzureClient {
	/** The answer to a path; without a body it is a GET. Rejects with a `StoreFailure`. */
	ask(
		path: string,
		body: Readonly<Record<string, unknown>> | undefined,
		signal: AbortSignal,
	): Promise<StoreAnswer['json']>;
	close(): Promise<void>;
}

/** The one that all clouds have (Azure Key Vault REST API). */
const API_VERSION = '7.4';

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

/** Signs in at Entra when first asked, for this vault's own audience. */
export function createAzureClient({ vaultUrl, auth }: AzureSettings, steadyNow = () => performance.now()): AzureClient {
	const place = `key vault at ${new URL(vaultUrl).host}`;
	const ask = createAskStore({ place });
	const resource = resourceOf(vaultUrl);
	const obtain = (signal: AbortSignal) => fetchToken({ auth, resource, place, ask }, signal);
	const token = createHeldToken({ obtain, steadyNow });

	async function once(question: Omit<StoreQuestion, 'headers'>, signal: AbortSignal): Promise<StoreAnswer> {
		const held = await token.get(signal);
		const headers = { authorization: `Bearer ${held}`, 'content-type': 'application/json' };
		const answer = await ask({ ...question, headers }, signal);
		if (answer.status === 401) token.forget(held);
		return answer;
	}

	return {
		async ask(path, body, signal) {
			const url = `${vaultUrl}${path}?api-version=${API_VERSION}`;
			const question =
				body === undefined
					? ({ method: 'GET', url } as const)
					: ({ method: 'POST', url, body: JSON.stringify(body) } as const);
			const first = await once(question, signal);
			const answer = first.status === 401 ? await once(question, signal) : first;
			if (answer.status === 200) return answer.json;
			throw failureOfStatus(answer.status, `${place}, ${path}`);
		},
		close: () => ask.close(),
	};
}

// The audience is the service without the vault's own name: https://vault.azure.net, https://vault.azure.cn, …
function resourceOf(vaultUrl: string): string {
	const { hostname, origin } = new URL(vaultUrl);
	const service = /\.(vault(?:core)?\.[a-z.-]+)$/.exec(hostname)?.[1];
	return service === undefined ? origin : `https://${service}`;
}

interface TokenParts {
	readonly auth: AzureAuth;
	readonly resource: string;
	readonly place: string;
	readonly ask: AskStore;
}

async function fetchToken({ auth, resource, place, ask }: TokenParts, signal: AbortSignal): Promise<FreshToken> {
	const question = await questionOf(auth, resource, place);
	const { status, json } = await ask(question, signal);
	if (status === 400 || status === 401) throw new StoreFailure('denied', `${place}: the sign-in was refused`);
	if (status !== 200) throw failureOfStatus(status, `${place}, the sign-in`);
	const token = textAt(json, 'access_token');
	if (token === undefined || !/^[\x21-\x7e]+$/.test(token)) {
		throw new StoreFailure('unavailable', `${place}: the sign-in gave no token`);
	}
	return { token, validMs: (secondsAt(json, 'expires_in') ?? 600) * 1_000 };
}

async function questionOf(auth: AzureAuth, resource: string, place: string): Promise<StoreQuestion> {
	if (auth.method === 'managed-identity') return machineQuestion(auth, resource);
	const { tokenUrl: url, clientId } = auth;
	const form = { grant_type: 'client_credentials', client_id: clientId, scope: `${resource}/.default` };
	const proof =
		auth.method === 'client-secret'
			? { client_secret: auth.clientSecret.reveal() }
			: {
					client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
					client_assertion: await readProof(auth.assertionFile, place),
				};
	return { method: 'POST', url, headers: FORM, body: new URLSearchParams({ ...form, ...proof }).toString() };
}

// Azure Instance Metadata Service; the header proves that nobody was led to ask it.
function machineQuestion(
	{ tokenUrl, clientId }: Extract<AzureAuth, { readonly method: 'managed-identity' }>,
	resource: string,
): StoreQuestion {
	const url = new URL(tokenUrl);
	url.searchParams.set('api-version', '2018-02-01');
	url.searchParams.set('resource', resource);
	if (clientId !== undefined) url.searchParams.set('client_id', clientId);
	return { method: 'GET', url: url.href, headers: { metadata: 'true' } };
}
