import * as z from 'zod';
import type { JsonObject } from '../config/declared.ts';
import { changedFields } from '../config/declared-plan.ts';
import { settingsSchema } from '../config/file-schema.ts';
import { HIGHEST_EDGE_LIMITS } from '../config/limits.ts';
import { rateLimitsSchema } from '../config/rate-limits.ts';
import { readEntry } from '../config/read-entry.ts';
import { lockPlatform, platformSettings, type SettingsRow, updatePlatformSettings } from '../store/queries/platform.ts';
import { makeChange, reasonOf } from './change.ts';
import { inputInvalid } from './input-invalid.ts';
import { changeable, MANAGED, versioned } from './managed.ts';
import { plainText } from './plain-text.ts';
import type { ResourceParts } from './resource-parts.ts';
import { defineRoute, type Route } from './route.ts';
import { ENTRY } from './server-entry.ts';

const limit = (most: number) => z.int().min(1).max(most).exactOptional();

const LIMITS = z.strictObject({
	bodyBytes: limit(HIGHEST_EDGE_LIMITS.bodyBytes),
	jsonDepth: limit(HIGHEST_EDGE_LIMITS.jsonDepth),
	jsonNodes: limit(HIGHEST_EDGE_LIMITS.jsonNodes),
	batchMessages: limit(HIGHEST_EDGE_LIMITS.batchMessages),
	listDeadlineMs: limit(HIGHEST_EDGE_LIMITS.listDeadlineMs),
	drainMs: limit(HIGHEST_EDGE_LIMITS.drainMs),
	openApiCallMs: limit(HIGHEST_EDGE_LIMITS.openApiCallMs),
	rate: rateLimitsSchema().exactOptional().describe('Of workspaces that say nothing else.'),
	upstream: ENTRY.limits.exactOptional().describe('Of servers that say nothing else.'),
});

const NAMES = z.array(plainText(512)).max(200);

/** Members that are left out are as they are where nobody says anything. */
const BODY = z.strictObject({
	publicUrl: plainText(512).exactOptional(),
	hosts: NAMES.exactOptional(),
	origins: NAMES.exactOptional(),
	limits: LIMITS.exactOptional(),
});

const { managedBy, version } = MANAGED;
const SETTINGS = z
	.strictObject({
		publicUrl: z.string().exactOptional(),
		hosts: z.array(z.string()).exactOptional(),
		origins: z.array(z.string()).exactOptional(),
		limits: LIMITS.exactOptional(),
		managedBy,
		version,
	})
	.meta({ id: 'Settings' });

const PATH = '/platform/settings';

/** Names and limits of the gateway, as the configuration file writes them. */
export function createPlatformSettingsRoutes(parts: ResourceParts): readonly Route[] {
	return [read(parts), put(parts)];
}

const read = ({ store }: ResourceParts): Route =>
	defineRoute({
		id: 'readSettings',
		method: 'GET',
		path: PATH,
		summary: 'Names and limits of the gateway',
		authorize: 'platform-admin',
		responses: { 200: SETTINGS },
		async handle(context) {
			return { status: 200, body: show(await store.asPlatform(reasonOf(context), platformSettings)) };
		},
	});

const put = ({ store, refresh }: ResourceParts): Route =>
	defineRoute({
		id: 'putSettings',
		method: 'PUT',
		path: PATH,
		summary: 'Replaces names and limits of the gateway',
		authorize: 'platform-admin',
		body: BODY,
		responses: { 200: SETTINGS },
		async handle(context) {
			const settings: JsonObject = context.body;
			requireFit(settings);
			const answer = await store.asPlatform(reasonOf(context), (tx) =>
				makeChange(tx, context, async () => {
					await lockPlatform(tx);
					const before = changeable(await platformSettings(tx), context);
					const { openWebUi } = before.settings;
					const whole: JsonObject = { ...settings, ...(openWebUi !== undefined && { openWebUi }) };
					await versioned(updatePlatformSettings(tx, { settings: whole, managedBy: 'api', version: before.version }));
					const body = show(await platformSettings(tx));
					const fields = changedFields(before.settings, whole);
					return { answer: { status: 200 as const, body }, action: 'settings.update', object: 'platform', fields };
				}),
			);
			await refresh();
			return answer;
		},
	});

function requireFit(settings: JsonObject): void {
	const reading = readEntry(settingsSchema(), settings);
	if ('entry' in reading) return;
	throw inputInvalid(reading.faults.map(({ path, message }) => ({ path: `body.${path}`, message })));
}

// Instances of Open WebUI are the operator's: over the network they are neither shown nor changed.
function show({ settings, managedBy, version }: SettingsRow): z.output<typeof SETTINGS> {
	const { openWebUi: _, ...shown } = settings;
	return { ...shown, managedBy, version };
}
