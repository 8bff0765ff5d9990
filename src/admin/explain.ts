import * as z from 'zod';
import type { Server, Snapshot } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import type { Principal } from '../identity/principal.ts';
import { createPrincipalOf, type PrincipalOf } from '../identity/principal-of.ts';
import { type Decision, decide } from '../policy/decide.ts';
import { explainReason, explainRule, explainVerdict } from '../policy/explain-words.ts';
import type { CatalogItem, UpstreamDirectory } from '../router/catalog.ts';
import { LEVEL } from './access-level.ts';
import { askerOf } from './asker.ts';
import { standingIn } from './caller.ts';
import { inputInvalid } from './input-invalid.ts';
import { knownServer } from './known-thing.ts';
import { plainText } from './plain-text.ts';
import type { ResourceParts } from './resource-parts.ts';
import { type Context, defineRoute, type Route } from './route.ts';

const MOST_NAMES = 1_000;

const QUESTION = z.strictObject({
	workspace: plainText(63),
	server: plainText(63),
	tool: plainText(512).describe('By the name its server gives it.'),
	groups: z.array(plainText(512)).max(MOST_NAMES).optional().describe('As a token would list them.'),
	roles: z.array(plainText(512)).max(MOST_NAMES).optional(),
	directory: plainText(63).optional().describe('Id of the directory; needed where there are several.'),
	oid: plainText(128).optional(),
});

type Question = z.output<typeof QUESTION>;

const EXPLANATION = z
	.strictObject({
		allowed: z.boolean(),
		verdict: z.string().describe('One sentence.'),
		level: LEVEL.nullable().describe('Held in the workspace.'),
		rules: z.array(z.string()).describe('What gave the level, in words.'),
		reasons: z
			.array(z.strictObject({ reason: z.string(), sentence: z.string() }))
			.describe('Everything that was looked at, in order; the last one decided.'),
		credential: z
			.strictObject({ kind: z.string(), id: z.string() })
			.nullable()
			.describe('What the call would carry; never its value.'),
		spoken: z.strictObject({ revision: z.string(), way: z.enum(['http', 'sse', 'stdio', 'openapi']) }).nullable(),
		definitionDigest: z.string().nullable().describe('SHA-256 of the tool as its server defines it now.'),
	})
	.meta({ id: 'Explanation' });

type Explanation = z.output<typeof EXPLANATION>;

type Explaining = Pick<Context, 'caller' | 'snapshot' | 'signal'> & { readonly body: Question };

/** Why somebody may or may not use a tool, by the very function that decides. */
export function createExplainRoutes(parts: ResourceParts): readonly Route[] {
	const principalOf = createPrincipalOf();
	return [
		defineRoute({
			id: 'explain',
			method: 'POST',
			path: '/explain',
			summary: 'Why you, or for an administrator anybody described by groups, roles or oid, may use a tool or not',
			authorize: 'signed-in',
			body: QUESTION,
			responses: { 200: EXPLANATION },
			async handle(context) {
				const who = whoIsMeant(context, principalOf);
				const server = knownServer(context, context.body);
				return { status: 200, body: await explain(parts, context, { who, server }) };
			},
		}),
	];
}

// A workspace in which the caller holds nothing is as unknown as one that is not there.
function whoIsMeant({ caller, snapshot, body }: Explaining, principalOf: PrincipalOf): Principal {
	const standing = standingIn(body.workspace, caller);
	if (standing === undefined) throw new PortcullisError('PC_NOT_FOUND');
	const isDescribed = [body.groups, body.roles, body.directory, body.oid].some((part) => part !== undefined);
	if (!isDescribed) {
		if (caller.principal !== undefined) return caller.principal;
		throw inputInvalid([{ path: 'body', message: 'say who is meant, by groups, roles or oid' }]);
	}
	if (standing.level !== 'admin') throw new PortcullisError('PC_LEVEL_TOO_LOW');
	return described(body, snapshot, principalOf);
}

function described(
	{ groups = [], roles = [], directory: id, oid = '' }: Question,
	snapshot: Snapshot,
	principalOf: PrincipalOf,
): Principal {
	const { directories } = snapshot;
	const directory =
		id === undefined && directories.length === 1 ? directories[0] : directories.find((d) => d.id === id);
	if (directory === undefined) {
		const message = id === undefined ? 'name the directory, since more than one is configured' : 'is not known here';
		throw inputInvalid([{ path: 'body.directory', message }]);
	}
	const identity = { directory: directory.id, issuer: directory.issuer, tid: directory.tenantId, oid, name: oid };
	// Groups count for people alone, and a scope is what tells them from applications.
	return principalOf({ ...identity, groups, roles, scopes: ['described'], expiresAt: 0 }, snapshot);
}

interface Meant {
	readonly who: Principal;
	readonly server: Server;
}

async function explain(parts: ResourceParts, context: Explaining, { who, server }: Meant): Promise<Explanation> {
	const { snapshot, body, caller, signal } = context;
	const name = body.tool;
	const inWords = (decision: Decision): Explanation => ({
		allowed: decision.allowed,
		verdict: explainVerdict(decision, { server, name }),
		level: decision.level ?? null,
		rules: decision.rules.map((rule) => explainRule(rule, snapshot.grantRules)),
		reasons: decision.reasons.map((reason) => ({ reason, sentence: explainReason(reason) })),
		...{ credential: null, spoken: null, definitionDigest: null },
	});
	// Who may not even look has no server asked.
	const before = decide(who, { server, effect: 'read', tool: undefined, toolset: undefined });
	if (!before.allowed) return inWords(before);
	const asker = askerOf(caller, snapshot);
	const tool = await findTool(parts.directory, { principal: asker, server, name, signal });
	const { revision, way } = await parts.directory.spokenBy({ principal: asker, server });
	const id = parts.credentialOf(who, server);
	const about = { credential: { kind: id.slice(0, id.indexOf(':')), id }, spoken: { revision, way } };
	if (tool === undefined) {
		const { reasons, ...rest } = inWords({ ...before, allowed: false });
		return { ...rest, verdict: `No: the server has no tool ${name}.`, reasons: reasons.slice(0, -1), ...about };
	}
	const decision = decide(who, { server, effect: 'tool', tool, toolset: undefined });
	return { ...inWords(decision), ...about, definitionDigest: tool.digest ?? null };
}

interface ToolWanted {
	readonly principal: Principal;
	readonly server: Server;
	readonly name: string;
	readonly signal: AbortSignal;
}

// As the router looks for it: once more where the list that is known does not have it.
async function findTool(
	{ list, listAgain }: UpstreamDirectory,
	{ name, ...wanted }: ToolWanted,
): Promise<CatalogItem | undefined> {
	const query = { ...wanted, kind: 'tools', profile: '{}' } as const;
	return (await list(query)).byName.get(name) ?? (await listAgain(query)).byName.get(name);
}
