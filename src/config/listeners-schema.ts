import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { resolve } from 'node:path';
import * as z from 'zod';
import { networkFault } from '../lib/networks.ts';
import { isSlug } from '../lib/slug.ts';
import { EDGE_ALGORITHMS, type EdgeAlgorithm, type TlsFiles } from './listeners.ts';
import { text } from './schema-text.ts';
import { readTemplate, type SecretLookup } from './secret-template.ts';
import { lengthRule, protectedUrlFault, type TextRule } from './text-rules.ts';
import { readTlsFiles } from './tls-files.ts';

/** The file of listeners as the schema understands it: defaults filled in, files and secrets read. */
export type ListenersFile = z.output<ReturnType<typeof createListenersSchema>>;

/** Zod skips a check below a fault; ours look at what is there, so that all faults are told in one run. */
const ALWAYS = { when: () => true };

/** The whole file of listeners; reading it looks up the secrets and the files it names. */
export function createListenersSchema(lookup: SecretLookup) {
	return z.strictObject({ listeners: z.array(listener(lookup)).min(1) }).superRefine(({ listeners }, context) => {
		const names = Array.isArray(listeners) ? listeners.map((each) => each?.name) : [];
		for (const [index, name] of names.entries()) {
			if (name === undefined || names.indexOf(name) === index) continue;
			context.addIssue({ code: 'custom', path: ['listeners', index, 'name'], message: 'this name is given twice' });
		}
	}, ALWAYS);
}

function listener(lookup: SecretLookup) {
	return z
		.strictObject({
			name: text(nameFault),
			host: text(hostFault).default('127.0.0.1'),
			port: z.int().min(0).max(65_535),
			tls: tlsFiles(lookup).optional(),
			trustedProxies: z.array(text(networkFault)).default([]),
			edge: z
				.discriminatedUnion('mechanism', [
					assertion(lookup),
					managedIdentity(),
					clientCertificate(),
					sharedSecret(lookup),
				])
				.optional(),
		})
		.superRefine(({ edge, tls }, context) => {
			if (edge?.mechanism !== 'client-certificate' || tls?.clientCaFile !== undefined) return;
			context.addIssue({ code: 'custom', path: ['edge', 'mechanism'], message: NEEDS_CA });
		}, ALWAYS);
}

const NEEDS_CA = 'needs tls.clientCaFile, which says whose certificates count';

function tlsFiles({ folder }: SecretLookup) {
	const path = () => text().transform((written) => resolve(folder, written));
	return z
		.strictObject({ certFile: path(), keyFile: path(), clientCaFile: path().optional() })
		.superRefine((files, context) => {
			const read = readTlsFiles(files as TlsFiles);
			if ('message' in read) context.addIssue({ code: 'custom', path: [read.file], message: read.message });
		});
}

function assertion(lookup: SecretLookup) {
	return z
		.strictObject({
			mechanism: z.literal('assertion'),
			issuer: text(lengthRule(1_024)),
			audience: text(lengthRule(1_024)),
			algorithms: z.array(z.enum(EDGE_ALGORITHMS)).min(1).default(['RS256']),
			jwksUrl: text(protectedUrlFault).optional(),
			publicKeyFiles: z.array(publicKey(lookup)).max(MOST_KEYS).default([]),
			directories: directories(),
		})
		.superRefine((edge, context) => {
			for (const { path, message } of keyFaults(edge)) context.addIssue({ code: 'custom', path: [...path], message });
		}, ALWAYS);
}

/** Each may have to be tried. */
const MOST_KEYS = 4;

interface KeySources {
	readonly algorithms?: readonly EdgeAlgorithm[];
	readonly jwksUrl?: string | undefined;
	readonly publicKeyFiles?: readonly ReadKey[];
}

function keyFaults({ algorithms = [], jwksUrl, publicKeyFiles: keys }: KeySources) {
	const isGiven = Array.isArray(keys) && keys.length > 0;
	if (isGiven === (jwksUrl !== undefined)) {
		return [{ path: ['mechanism'], message: 'give either jwksUrl or publicKeyFiles, so that there are keys' }];
	}
	const unused = isGiven
		? keys.flatMap(({ type }, at) => (type === undefined || isOf(type, algorithms) ? [] : [at]))
		: [];
	return unused.map((at) => ({ path: ['publicKeyFiles', at], message: 'is a key of none of the algorithms' }));
}

function isOf(type: string, algorithms: readonly EdgeAlgorithm[]): boolean {
	return algorithms.some((algorithm) => (algorithm === 'ES256' ? type === 'ec' : type === 'rsa'));
}

/** A public key as it was read; without a type where it is none. */
interface ReadKey {
	readonly type?: 'rsa' | 'ec';
	readonly pem: string;
}

function publicKey({ folder, readSecretFile }: SecretLookup) {
	return text().transform((written, context): ReadKey => {
		const read = parsePublicKey(() => readSecretFile(resolve(folder, written)));
		if ('pem' in read) return read;
		context.addIssue(read.fault);
		return { pem: '' };
	});
}

function parsePublicKey(read: () => string): ReadKey | { readonly fault: string } {
	try {
		const pem = read();
		// The signing half would work as well, and lie about in one place too many.
		if (pem.includes('PRIVATE KEY')) return { fault: 'holds a private key; the gateway needs the public one alone' };
		const key = createPublicKey(pem);
		const type = typeOf(key);
		if (type === undefined) return { fault: 'must be an RSA key of 2048 bits or more, or an EC key on P-256' };
		return { type, pem: key.export({ type: 'spki', format: 'pem' }).toString() };
	} catch {
		return { fault: 'cannot be read as a public key or certificate in PEM' };
	}
}

function typeOf({ asymmetricKeyType, asymmetricKeyDetails: details }: KeyObject): 'rsa' | 'ec' | undefined {
	if (asymmetricKeyType === 'rsa') return (details?.modulusLength ?? 0) >= 2_048 ? 'rsa' : undefined;
	return asymmetricKeyType === 'ec' && details?.namedCurve === 'prime256v1' ? 'ec' : undefined;
}

function managedIdentity() {
	return z
		.strictObject({
			mechanism: z.literal('managed-identity'),
			directory: text(slugFault),
			applications: z.array(text(lengthRule(128))).default([]),
			objects: z.array(text(lengthRule(128))).default([]),
			directories: directories(),
		})
		.superRefine(({ applications, objects }, context) => {
			if ([applications, objects].some((pinned) => !Array.isArray(pinned) || pinned.length > 0)) return;
			context.addIssue({ code: 'custom', path: ['mechanism'], message: NEEDS_PIN });
		}, ALWAYS);
}

const NEEDS_PIN = 'name the edge in applications or objects: any application of the directory could vouch otherwise';

function clientCertificate() {
	return z.strictObject({
		mechanism: z.literal('client-certificate'),
		names: z.array(text(alternativeNameFault)).min(1),
		directories: directories(),
	});
}

const alternativeNameFault: TextRule = (name) => {
	return /^(?:DNS:[A-Za-z0-9._-]{1,253}|URI:[\x21\x23-\x2b\x2d-\x7e]{1,1024})$/.test(name)
		? undefined
		: 'write an alternative name of the certificate as DNS:host or URI:uri, without quotes, commas and asterisks';
};

function sharedSecret(lookup: SecretLookup) {
	return z.strictObject({
		mechanism: z.literal('shared-secret'),
		header: text(secretHeaderFault)
			.transform((name) => name.toLowerCase())
			.default('x-edge-secret'),
		secrets: z.array(secretDigest(lookup)).min(1).max(2),
		directories: directories(),
	});
}

/** A header of another name would get through a listener that does not read it. */
const secretHeaderFault: TextRule = (name) => {
	if (!/^x-edge-[a-z0-9-]{1,64}$/i.test(name)) return 'must be a header whose name begins with X-Edge-';
	return /^x-edge-(assertion|authorization)$/i.test(name) ? 'is the header of another mechanism' : undefined;
};

const FEWEST_CHARACTERS = 32;

function secretDigest(lookup: SecretLookup) {
	return z.string().transform((written, context) => {
		const { template, rendered, faults } = readTemplate(written, lookup);
		const fault = faults[0] ?? secretFault(template, rendered);
		if (fault !== undefined) context.addIssue(fault);
		return createHash('sha256').update(rendered).digest('hex');
	});
}

function secretFault(template: readonly unknown[], rendered: string): string | undefined {
	if (template.every((part) => typeof part === 'string')) return 'put the secret into ${env:NAME} or ${file:path}';
	if (!/^[\x21-\x7e]*$/.test(rendered)) return 'must be letters, digits and signs without spaces';
	return rendered.length < FEWEST_CHARACTERS ? `must be at least ${FEWEST_CHARACTERS} characters` : undefined;
}

function directories() {
	return z.array(text(slugFault)).min(1);
}

const slugFault: TextRule = (id) => (isSlug(id) ? undefined : 'must be the id of a directory');

const nameFault: TextRule = (name) => {
	if (!isSlug(name)) return 'must be 1 to 63 of a-z, 0-9 and dashes, with no dash at either end';
	return name === 'main' ? 'is the name of the listener of PORTCULLIS_PORT' : undefined;
};

const hostFault: TextRule = (host) => {
	return /^[A-Za-z0-9.:_-]{1,253}$/.test(host) ? undefined : 'must be an IP address or a host name';
};
