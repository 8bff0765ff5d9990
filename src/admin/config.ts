import { isAbsolute } from 'node:path';
import * as z from 'zod';
import { fileOf } from '../config/declared-file.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { applyConfig, type ConfigPlan, planConfig, type Wish } from '../store/apply-config.ts';
import { readStoredConfig } from '../store/read-declared.ts';
import type { Store } from '../store/store.ts';
import { actorOf } from './caller.ts';
import { hidden, readWanted, requireNothingOfOperator, unhidden, withAbsoluteFiles } from './config-wish.ts';
import type { ResourceParts } from './resource-parts.ts';
import { type BodyBounds, type Context, defineRoute, type Route } from './route.ts';

const FILE = z
	.record(z.string(), z.unknown())
	.meta({ id: 'Configuration', description: 'The configuration file as JSON: docs/config.md.' });

const WISH = z.strictObject({
	config: FILE,
	prune: z.enum(['nothing', 'all']).default('nothing').describe('all: what the configuration does not name goes.'),
	takeOver: z.boolean().default(false).describe('Whether what the file of a gateway manages may be changed.'),
	folder: z
		.string()
		.refine((path) => isAbsolute(path) && /^[^{}\x00-\x1f]+$/.test(path), 'expected an absolute path without braces')
		.optional()
		.describe('Where relative ${file:…} references begin; of the operator alone.'),
});

// A company of some hundred servers with all their rules.
const BOUNDS: BodyBounds = { bytes: 8 * 1024 * 1024, depth: 32, nodes: 500_000 };

const CHANGE = z
	.strictObject({
		action: z.enum(['create', 'update', 'delete']),
		kind: z.enum(['settings', 'directory', 'grant', 'member', 'server', 'toolset', 'workspace']),
		workspace: z.string().nullable().describe('Null for what belongs to none.'),
		name: z.string().describe('Slug or id; of a grant or member the JSON of what it matches.'),
		fields: z.array(z.string()).describe('What of it differs, of an update.'),
	})
	.meta({ id: 'ConfigurationChange' });

const PLAN = z
	.strictObject({
		changes: z.array(CHANGE),
		held: z.array(CHANGE).describe('Left as they are, for the file of a gateway manages them.'),
	})
	.meta({ id: 'ConfigurationPlan' });

type Planning = Pick<Context, 'caller' | 'operation' | 'requestId'> & { readonly body: z.output<typeof WISH> };

/** Everything that is configured, as one file. */
export function createConfigRoutes(parts: ResourceParts): readonly Route[] {
	return [exportRoute(parts), planRoute(parts), applyRoute(parts)];
}

function exportRoute({ store }: ResourceParts): Route {
	return defineRoute({
		id: 'exportConfiguration',
		method: 'GET',
		path: '/config',
		summary: 'What is configured, in the form of the configuration file',
		authorize: 'platform-admin',
		responses: { 200: FILE },
		async handle({ caller, operation }) {
			const { declared } = await readStoredConfig(store, { reason: operation, actor: actorOf(caller) });
			return { status: 200, body: fileOf(caller.kind === 'operator' ? declared : hidden(declared)) };
		},
	});
}

function planRoute({ store }: ResourceParts): Route {
	return defineRoute({
		id: 'planConfiguration',
		method: 'POST',
		path: '/config/plan',
		summary: 'What would change if a configuration were applied; changes nothing',
		authorize: 'platform-admin',
		body: WISH,
		bodyBounds: BOUNDS,
		responses: { 200: PLAN },
		async handle(context) {
			const wish = await wishOf(store, context);
			return { status: 200, body: planIn(await planConfig(store, wish)) };
		},
	});
}

function applyRoute({ store, refresh }: ResourceParts): Route {
	return defineRoute({
		id: 'applyConfiguration',
		method: 'POST',
		path: '/config/apply',
		summary: 'Make what is configured be what a configuration says; a second time changes nothing',
		authorize: 'platform-admin',
		body: WISH,
		bodyBounds: BOUNDS,
		responses: { 200: PLAN },
		async handle(context) {
			const plan = await applyConfig(store, await wishOf(store, context));
			await refresh();
			return { status: 200, body: planIn(plan) };
		},
	});
}

async function wishOf(store: Store, { caller, operation, requestId, body }: Planning): Promise<Wish> {
	const { config, folder, prune, takeOver } = body;
	const read = readWanted(config);
	const actor = actorOf(caller);
	const takesOver = takeOver ? 'file-managed' : 'nothing';
	const wish = { actor, request: requestId, managedBy: 'api', prune, takesOver } as const;
	if (caller.kind === 'operator') {
		return { ...wish, wanted: folder === undefined ? read : withAbsoluteFiles(read, folder) };
	}
	if (folder !== undefined) throw new PortcullisError('PC_OPERATOR_ONLY');
	const { declared: stored } = await readStoredConfig(store, { reason: operation, actor });
	const wanted = unhidden(read, stored);
	requireNothingOfOperator(wanted, stored);
	return { ...wish, wanted };
}

function planIn({ changes, held }: ConfigPlan): z.output<typeof PLAN> {
	const shown = ({ action, kind, workspace, name, fields }: ConfigPlan['changes'][number]) => {
		return { action, kind, workspace: workspace ?? null, name, fields: [...fields] };
	};
	return { changes: changes.map(shown), held: held.map(shown) };
}
