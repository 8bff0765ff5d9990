import { resolve } from 'node:path';
import * as z from 'zod';
import { createSecret } from '../lib/secret.ts';
import { text } from './schema-text.ts';
import { readTemplate, type SecretLookup } from './secret-template.ts';
import { clientIdFault, lengthRule, protectedUrlFault, type TextRule } from './text-rules.ts';

/** The file of stores as the schema understands it: defaults filled in, certificates and secrets read. */
export type SecretStoresFile = z.output<ReturnType<typeof createSecretStoresSchema>>;

/** Zod skips a check below a fault; ours look at what is there, so that all faults are told in one run. */
const ALWAYS = { when: () => true };

/** The whole file of external stores of secrets. */
export function createSecretStoresSchema(lookup: SecretLookup) {
	return z
		.strictObject({
			wrapsKeys: z.enum(['vault', 'azure']).optional(),
			vault: vault(lookup).optional(),
			azure: azure(lookup).optional(),
		})
		.superRefine(({ wrapsKeys, vault, azure }, context) => {
			const tell = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
			if (vault === undefined && azure === undefined) tell([], 'name at least one store: vault or azure');
			if (wrapsKeys === 'vault' && vault?.transit === undefined) tell(['wrapsKeys'], 'needs vault.transit');
			if (wrapsKeys === 'azure' && azure?.wrappingKey === undefined) tell(['wrapsKeys'], 'needs azure.wrappingKey');
		}, ALWAYS);
}

function vault(lookup: SecretLookup) {
	return z.strictObject({
		address: text(baseUrlFault).transform(withoutSlash),
		namespace: text(pathFault).optional(),
		caFile: certificates(lookup).optional(),
		auth: z.discriminatedUnion('method', [
			z.strictObject({ method: z.literal('token'), tokenFile: path(lookup) }),
			z.strictObject({
				method: z.literal('approle'),
				mount: text(pathFault).default('approle'),
				roleId: text(lengthRule(256)),
				secretIdFile: path(lookup),
			}),
			z.strictObject({
				method: z.literal('kubernetes'),
				mount: text(pathFault).default('kubernetes'),
				role: text(lengthRule(256)),
				jwtFile: path(lookup).default('/var/run/secrets/kubernetes.io/serviceaccount/token'),
			}),
		]),
		transit: z
			.strictObject({ mount: text(pathFault).default('transit'), key: text(pathFault).default('portcullis') })
			.optional(),
		kv: z
			.strictObject({
				mount: text(pathFault).default('secret'),
				folder: text(folderFault).default('portcullis/{workspace}'),
				maxAgeMs: age(),
			})
			.optional(),
	});
}

function azure(lookup: SecretLookup) {
	return z.strictObject({
		vaultUrl: text(baseUrlFault).transform(withoutSlash),
		auth: z.discriminatedUnion('method', [
			z.strictObject({
				method: z.literal('client-secret'),
				tokenUrl: text(protectedUrlFault),
				clientId: text(clientIdFault),
				clientSecret: secret(lookup),
			}),
			z.strictObject({
				method: z.literal('workload-identity'),
				tokenUrl: text(protectedUrlFault),
				clientId: text(clientIdFault),
				assertionFile: path(lookup).default('/var/run/secrets/azure/tokens/azure-identity-token'),
			}),
			z.strictObject({
				method: z.literal('managed-identity'),
				tokenUrl: text(machineUrlFault).default('http://169.254.169.254/metadata/identity/oauth2/token'),
				clientId: text(clientIdFault).optional(),
			}),
		]),
		wrappingKey: text(azureNameFault).optional(),
		secrets: z.strictObject({ workspaceTag: text(lengthRule(256)).default('workspace'), maxAgeMs: age() }).optional(),
	});
}

function age() {
	return z.int().min(1_000).max(86_400_000).default(300_000);
}

function path({ folder }: SecretLookup) {
	return text().transform((written) => resolve(folder, written));
}

function certificates({ folder, readSecretFile }: SecretLookup) {
	return text().transform((written, context) => {
		try {
			const pem = readSecretFile(resolve(folder, written));
			if (pem.includes('-----BEGIN CERTIFICATE-----')) return pem;
		} catch {
			// Told below, like a file that holds something else.
		}
		context.addIssue('cannot be read as certificates in PEM');
		return '';
	});
}

function secret(lookup: SecretLookup) {
	return z.string().transform((written, context) => {
		const { template, rendered, faults } = readTemplate(written, lookup);
		for (const fault of faults) context.addIssue(fault);
		if (faults.length === 0 && template.every((part) => typeof part === 'string')) {
			context.addIssue('put the secret into ${env:NAME} or ${file:path}');
		}
		return createSecret(rendered);
	});
}

const withoutSlash = (written: string): string => written.replace(/\/+$/, '');

const baseUrlFault: TextRule = (written) => {
	const fault = protectedUrlFault(written);
	if (fault !== undefined) return fault;
	const { search, hash, username } = new URL(written);
	return search === '' && hash === '' && username === '' ? undefined : 'must be an address without a query';
};

/** The metadata service of a machine is plain http at a link-local address, or at this machine. */
const machineUrlFault: TextRule = (written) => {
	const isMachine =
		URL.canParse(written) && /^(169\.254\.\d+\.\d+|127\.0\.0\.1|localhost)$/.test(new URL(written).hostname);
	return isMachine ? undefined : 'must be the metadata service of this machine';
};

/** Mounts, keys and namespaces: parts of a path with nothing special in them. */
const pathFault: TextRule = (written) => {
	return /^[A-Za-z0-9_-][A-Za-z0-9_.-]*(\/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*$/.test(written)
		? undefined
		: 'must be made of letters, digits, dots, dashes and underscores, with slashes between the parts';
};

const folderFault: TextRule = (written) => {
	const parts = written.split('/');
	// As a part of its own: inside of one, two workspaces could have the same folder.
	if (!parts.includes('{workspace}') && !parts.includes('{id}')) {
		return 'needs {workspace} or {id} as a part of its own, so that each workspace has a folder';
	}
	return pathFault(parts.filter((part) => part !== '{workspace}' && part !== '{id}').join('/') || 'folder');
};

const azureNameFault: TextRule = (written) => {
	return /^[0-9A-Za-z-]{1,127}$/.test(written) ? undefined : 'must be 1 to 127 letters, digits and dashes';
};
