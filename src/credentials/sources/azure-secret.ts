import type { AzureSecrets } from '../../config/secret-stores.ts';
import { createSecret } from '../../lib/secret.ts';
import { objectAt, textAt } from '../external/ask-store.ts';
import type { AzureClient } from '../external/azure-client.ts';
import { StoreFailure } from '../external/store-failure.ts';
import { nameOf } from './place-of.ts';
import type { SecretSource } from './secret-source.ts';

/** What Azure allows in the name of a secret. */
const NAME = /^[0-9A-Za-z-]{1,127}$/;

/**
 * Reads secrets of workspaces from Azure Key Vault (Azure Key Vault REST API: Get Secret). The names there know no folders,
 * so a secret belongs to the workspace that its tag names, and is nobody's without one. It gives one value, `token`; a
 * JSON object of texts gives each by its name.
 */
export function createAzureSecret(client: AzureClient, { workspaceTag, maxAgeMs }: AzureSecrets): SecretSource {
	return {
		async read(reference, { workspace, workspaceId }, signal) {
			const name = nameOf(reference);
			if (!NAME.test(name)) throw new StoreFailure('missing', 'the reference is no name of a secret');
			const answer = await client.ask(`/secrets/${name}/`, undefined, signal).catch((error: StoreFailure) => {
				throw error.reason === 'missing' ? missing(name) : error;
			});
			const owner = textAt(objectAt(answer, 'tags'), workspaceTag);
			// Another workspace's and one that is not there look alike.
			if (owner === undefined || (owner !== workspace && owner !== workspaceId)) {
				throw missing(name);
			}
			if (objectAt(answer, 'attributes')['enabled'] === false) {
				throw new StoreFailure('denied', `key vault, secret ${name}: is disabled`);
			}
			const values = readValues(textAt(answer, 'value'), name);
			return { values, validMs: maxAgeMs };
		},
		close: () => client.close(),
	};
}

function missing(name: string): StoreFailure {
	return new StoreFailure('missing', `key vault, secret ${name}: there is no such thing`);
}

function readValues(text: string | undefined, name: string) {
	if (text === undefined) throw new StoreFailure('missing', `key vault, secret ${name}: is empty`);
	const named = parseTexts(text) ?? { token: text };
	return Object.fromEntries(Object.entries(named).map(([key, value]) => [key, createSecret(value)]));
}

function parseTexts(text: string): Readonly<Record<string, string>> | undefined {
	if (!text.trimStart().startsWith('{')) return undefined;
	try {
		const value: unknown = JSON.parse(text);
		const isAllText = Object.values(value as object).every((each) => typeof each === 'string');
		return isAllText ? (value as Readonly<Record<string, string>>) : undefined;
	} catch {
		return undefined;
	}
}
