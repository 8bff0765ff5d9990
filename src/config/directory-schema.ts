import * as z from 'zod';
import type { Secret } from '../lib/secret.ts';
import { isSlug } from '../lib/slug.ts';
import { text } from './schema-text.ts';
import { readTemplate, type SecretLookup } from './secret-template.ts';
import {
	clientIdFault,
	directoryUrlFault,
	graphUrlFault,
	lengthRule,
	SLUG_SENTENCE,
	scopeFault,
	tidFault,
} from './text-rules.ts';

const ENTRA = 'https://login.microsoftonline.com/{tid}/oauth2/v2.0';

// Sessions are sealed with a key that is derived from it, so it must not be one that can be guessed.
const LEAST_SECRET_CHARS = 32;

/** One directory as the schema understands it. */
export type DirectoryEntry = z.output<ReturnType<typeof directorySchema>>;

/** What a directory may say beside its issuer, audiences and keys. */
export type DirectorySettings = z.output<z.ZodObject<ReturnType<typeof directorySettings>>>;

/** One directory of the file. */
export function directorySchema(lookup: SecretLookup) {
	return z.strictObject({
		id: text((id) => (isSlug(id) ? undefined : SLUG_SENTENCE)),
		issuer: text(directoryUrlFault),
		tenantId: text(tidFault),
		audiences: z.array(text()).min(1),
		jwksUrl: text(directoryUrlFault),
		...directorySettings(lookup),
	});
}

/** The members of a directory that may be left out. */
export function directorySettings(lookup: SecretLookup) {
	return {
		v1Issuer: text(directoryUrlFault).exactOptional(),
		clientApps: z.array(text(clientIdFault)).min(1).exactOptional(),
		scopes: z.array(text(scopeFault)).min(1).exactOptional(),
		guests: z.enum(['allow', 'deny']).exactOptional(),
		graph: graph(lookup).exactOptional(),
		signIn: signIn(lookup).exactOptional(),
	};
}

function graph(lookup: SecretLookup) {
	return z.strictObject({
		clientId: text(clientIdFault),
		clientSecret: reference(lookup),
		tokenUrl: text(directoryUrlFault).default(`${ENTRA}/token`),
		baseUrl: text(graphUrlFault).default('https://graph.microsoft.com'),
	});
}

function signIn(lookup: SecretLookup) {
	return z.strictObject({
		clientId: text(clientIdFault),
		clientSecret: reference(lookup, LEAST_SECRET_CHARS),
		authorizeUrl: text(directoryUrlFault).default(`${ENTRA}/authorize`),
		tokenUrl: text(directoryUrlFault).default(`${ENTRA}/token`),
		idTokenIssuer: text(directoryUrlFault).exactOptional(),
		title: text(lengthRule(80)).exactOptional(),
	});
}

/** A reference to a secret and nothing else. */
function reference(lookup: SecretLookup, leastChars = 1) {
	return z.string().transform((written, context): Secret | undefined => {
		const { template, rendered, faults } = readTemplate(written, lookup);
		const [secret, ...rest] = template;
		const isAlone = typeof secret === 'object' && rest.length === 0;
		const isShort = lookup.placeholder === undefined && rendered.length < leastChars;
		const missing = isAlone ? [] : ['put the secret into ${env:NAME} or ${file:path}'];
		const short = isAlone && isShort ? [`must have at least ${leastChars} characters`] : [];
		for (const message of [...faults, ...(faults.length > 0 ? [] : [...missing, ...short])]) context.addIssue(message);
		return isAlone ? secret : undefined;
	});
}
