import * as z from 'zod';
import { isSlug } from '../lib/slug.ts';
import { CLIENT_FEATURES } from '../mcp/client-features.ts';
import { type CredentialParts, credentialFault } from './credential-fault.ts';
import { crossFaults, isRecord, workspaceFaults } from './cross-faults.ts';
import { directorySchema } from './directory-schema.ts';
import { HEADER_RULES } from './header-rules.ts';
import { DEFAULT_EDGE_LIMITS, HIGHEST_EDGE_LIMITS, HIGHEST_UPSTREAM_LIMIT } from './limits.ts';
import { oauthSchema } from './oauth-schema.ts';
import { openApiSchema } from './open-api.ts';
import { openWebUiSchema } from './open-webui.ts';
import { rateLimitsSchema } from './rate-limits.ts';
import { readTemplates, type TemplateRules } from './read-templates.ts';
import { programFault, runtimeSchema } from './runtime-schema.ts';
import { IN_ARGUMENTS, text } from './schema-text.ts';
import { createLenientLookup, type SecretLookup } from './secret-template.ts';
import { CREDENTIAL_USES, type EdgeLimits, type UpstreamLimits } from './snapshot.ts';
import {
	baseUrlFault,
	digestFault,
	hostFault,
	isPlainHttpAbroad,
	lengthRule,
	originFault,
	publicUrlFault,
	SLUG_SENTENCE,
	toolPathFault,
	urlFault,
} from './text-rules.ts';
import { urlTemplate } from './url-template.ts';
import { VARIABLE_RULES } from './variable-rules.ts';

/** The file as the schema understands it: defaults filled in, secrets looked up. */
export type ConfigFile = z.output<ReturnType<typeof createFileSchema>>;

/** Names and limits as the schema understands them. */
export type SettingsEntry = z.output<ReturnType<typeof settingsSchema>>;

/** One workspace as the schema understands it. */
export type WorkspaceEntry = z.output<ReturnType<typeof workspaceSchema>>;

/** One server as the schema understands it. */
export type ServerEntry = z.output<ReturnType<typeof serverSchema>>;

/** Zod skips a check below a fault; ours look at what is there, so that all faults are told in one run. */
const ALWAYS = { when: () => true };

/** The whole file; reading it looks up the secrets it refers to. */
export function createFileSchema(lookup: SecretLookup) {
	return z
		.strictObject({
			...settings(lookup),
			directories: z.array(directorySchema(lookup)).min(1),
			workspaces: slugged(workspaceSchema(lookup)).default({}),
			grants: z.array(grant()).default([]),
		})
		.superRefine((file, context) => {
			for (const { path, message } of crossFaults(file)) context.addIssue({ code: 'custom', path: [...path], message });
		}, ALWAYS);
}

/** The part of the file that is about the gateway itself; secrets are not looked up unless a lookup is given. */
export function settingsSchema(lookup: SecretLookup = createLenientLookup()) {
	return z.strictObject(settings(lookup));
}

function settings(lookup: SecretLookup) {
	return {
		publicUrl: text(publicUrlFault).optional(),
		hosts: z.array(text(hostFault)).default([]),
		origins: z.array(text(originFault)).default([]),
		limits: limits().prefault({}),
		openWebUi: slugged(openWebUiSchema(lookup)).default({}),
	};
}

/** One workspace of the file; what it says of directories is compared with the file as a whole. */
export function workspaceSchema(lookup: SecretLookup) {
	return z
		.strictObject({
			title: text().optional(),
			audit: z.enum(['strict', 'best-effort']).default('strict'),
			rateLimits: rateLimitsSchema().prefault({}),
			openApi: openApiSchema().prefault({}),
			servers: slugged(serverSchema(lookup)).default({}),
			toolsets: slugged(toolsetSchema()).default({}),
			members: z.array(memberSchema()).default([]),
		})
		.superRefine((entry, context) => {
			for (const { path, message } of workspaceFaults(entry)) {
				context.addIssue({ code: 'custom', path: [...path], message });
			}
		}, ALWAYS);
}

/** One server of a workspace. */
export function serverSchema(lookup: SecretLookup) {
	return z.discriminatedUnion('transport', [networkServer(lookup), openApiServer(lookup), stdioServer(lookup)]);
}

/** One toolset of a workspace; that its servers exist is seen where the workspace is judged as a whole. */
export function toolsetSchema() {
	return z.strictObject({
		title: text(lengthRule(200)).optional(),
		tools: z.array(text(toolPathFault)),
	});
}

/** One member of a workspace. */
export function memberSchema() {
	return z.strictObject({
		oid: text(lengthRule(128)),
		access: accessLevel(),
		directory: text().optional(),
		name: text(lengthRule(256)).optional(),
	});
}

function networkServer(lookup: SecretLookup) {
	return z
		.strictObject({
			transport: z.literal(['http', 'sse']),
			url: urlTemplate(),
			allowPlainHttp: z.boolean().default(false),
			headers: templates(HEADER_RULES, lookup),
			clientFeatures: clientFeatures().default([...CLIENT_FEATURES]),
			oauth: oauthSchema().optional(),
			...anyServer(),
		})
		.superRefine((server, context) => {
			refusePlainHttp({ ...server, url: server.url?.url }, ['url'], context);
		}, ALWAYS)
		.superRefine(tellCredentialFault, ALWAYS);
}

function openApiServer(lookup: SecretLookup) {
	return z
		.strictObject({
			transport: z.literal('openapi'),
			url: text(urlFault),
			baseUrl: text(baseUrlFault).optional(),
			operations: z.array(text(lengthRule(500))).optional(),
			allowPlainHttp: z.boolean().default(false),
			headers: templates(HEADER_RULES, lookup),
			// There is nothing such a service could ask.
			clientFeatures: clientFeatures().default([]),
			...anyServer(),
		})
		.superRefine((server, context) => refusePlainHttp(server, ['url', 'baseUrl'], context), ALWAYS)
		.superRefine(({ credential, headers }, context) => tellCredentialFault({ credential, headers }, context), ALWAYS);
}

interface Plain {
	readonly allowPlainHttp?: unknown;
	readonly url?: unknown;
	readonly baseUrl?: unknown;
}

function refusePlainHttp(server: Plain, names: readonly ('url' | 'baseUrl')[], context: z.RefinementCtx): void {
	for (const name of names) {
		const address = server[name];
		if (server.allowPlainHttp === true || typeof address !== 'string' || !isPlainHttpAbroad(address)) continue;
		context.addIssue({ code: 'custom', path: [name], message: PLAIN_HTTP });
	}
}

const PLAIN_HTTP =
	'plain http to another machine shows every call and credential; use https, or set allowPlainHttp: true';

function stdioServer(lookup: SecretLookup) {
	return z
		.strictObject({
			transport: z.literal('stdio'),
			command: text().optional(),
			args: z.array(text(undefined, 0, IN_ARGUMENTS)).default([]),
			cwd: text().optional(),
			runtime: runtimeSchema().optional(),
			env: templates(VARIABLE_RULES, lookup),
			// Each person who may be asked gets a child of his own: that has to be wanted.
			clientFeatures: clientFeatures().default([]),
			...anyServer(),
		})
		.superRefine(({ command, runtime, cwd }, context) => {
			const fault = programFault({ command, runtime, cwd });
			if (fault !== undefined) context.addIssue({ code: 'custom', path: [fault.at], message: fault.message });
		}, ALWAYS)
		.superRefine(tellCredentialFault, ALWAYS);
}

function tellCredentialFault(entry: CredentialParts, context: z.RefinementCtx): void {
	const message = credentialFault(entry);
	if (message !== undefined) context.addIssue({ code: 'custom', path: ['credential'], message });
}

function anyServer() {
	return {
		title: text().optional(),
		enabled: z.boolean().default(true),
		era: z.enum(['auto', 'modern', 'legacy']).default('auto'),
		isolation: z.enum(['shared', 'principal'], { error: refuseSession }).default('shared'),
		credential: z.enum(CREDENTIAL_USES).default('workspace'),
		tools: tools().prefault({}),
		limits: upstreamLimits().prefault({}),
	};
}

function clientFeatures() {
	return z.array(z.enum(CLIENT_FEATURES));
}

function refuseSession({ input }: { readonly input?: unknown }): string | undefined {
	return input === 'session' ? 'isolation by session is not supported yet; use shared or principal' : undefined;
}

/** One rule about a tool of a server. */
export function toolRuleSchema() {
	return z.strictObject({
		enabled: z.boolean().optional(),
		minimumLevel: accessLevel().default('read'),
		readable: z.boolean().default(false),
		description: text(lengthRule(8_192)).optional(),
		definitionDigest: text(digestFault).optional(),
	});
}

function tools() {
	return z.strictObject({
		default: z.enum(['enabled', 'disabled']).default('enabled'),
		rules: z.record(z.string(), toolRuleSchema()).default({}),
	});
}

function grant() {
	return z.strictObject({
		group: text().optional(),
		role: text().optional(),
		workspace: text(),
		access: accessLevel(),
		directory: text().optional(),
	});
}

function accessLevel() {
	return z.enum(['read', 'write', 'admin']);
}

function limits() {
	const edge = <Name extends keyof EdgeLimits>(name: Name) => {
		return z.int().min(1).max(HIGHEST_EDGE_LIMITS[name]).default(DEFAULT_EDGE_LIMITS[name]);
	};
	return z.strictObject({
		bodyBytes: edge('bodyBytes'),
		jsonDepth: edge('jsonDepth'),
		jsonNodes: edge('jsonNodes'),
		batchMessages: edge('batchMessages'),
		listDeadlineMs: edge('listDeadlineMs'),
		drainMs: edge('drainMs'),
		openApiCallMs: edge('openApiCallMs'),
		upstream: upstreamLimits().prefault({}),
		rate: rateLimitsSchema().prefault({}),
	});
}

function upstreamLimits() {
	const limit = () => z.int().min(1).max(HIGHEST_UPSTREAM_LIMIT).exactOptional();
	return z.strictObject({
		connectMs: limit(),
		startMs: limit(),
		firstByteMs: limit(),
		idleMs: limit(),
		totalMs: limit(),
		resultBytes: limit(),
		frameBytes: limit(),
		childIdleMs: limit(),
		listAgeMs: limit(),
		questionMs: limit(),
		concurrency: limit(),
	} satisfies Record<keyof UpstreamLimits, unknown>);
}

function slugged<Value extends z.ZodType>(value: Value) {
	return z.record(z.string(), value).superRefine((entries: unknown, context) => {
		const names = isRecord(entries) ? Object.keys(entries) : [];
		for (const name of names.filter((slug) => !isSlug(slug))) {
			context.addIssue({ code: 'custom', path: [name], message: SLUG_SENTENCE, params: { at: 'key' } });
		}
	}, ALWAYS);
}

function templates(rules: TemplateRules, lookup: SecretLookup) {
	return z
		.record(z.string(), z.unknown())
		.prefault({})
		.transform((entries, context) =>
			readTemplates(entries, rules, lookup, (name, message, at) => {
				context.addIssue({ code: 'custom', path: [name], message, params: { at } });
			}),
		);
}
