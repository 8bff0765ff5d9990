import * as z from 'zod';
import type { Snapshot } from '../config/snapshot.ts';
import { networkFault } from '../lib/networks.ts';
import { SLUG } from '../lib/slug.ts';
import { serverSlugs } from '../store/queries/server.ts';
import type { WorkspaceTx } from '../store/tx.ts';
import { LEVEL } from './access-level.ts';
import { inputInvalid } from './input-invalid.ts';
import { MANAGED } from './managed.ts';
import { plainText } from './plain-text.ts';

const NETWORK = plainText(64).check(({ value, issues }) => {
	const message = networkFault(value);
	if (message !== undefined) issues.push({ code: 'custom', message, input: value });
});

/** What a key may say, as bodies write it. */
export const KEY_PARTS = {
	needed: {
		name: plainText(200).describe('What it is for, for people.'),
		level: LEVEL.describe('The most it gives; a personal key never gives more than its owner holds at the moment.'),
	},
	servers: z
		.array(z.string().regex(SLUG))
		.min(1)
		.max(200)
		.nullable()
		.describe('The only servers it is for; null: all of the workspace. With a list it administers nothing.'),
	networks: z
		.array(NETWORK)
		.min(1)
		.max(200)
		.nullable()
		.describe('The only networks it may come from, such as 10.0.0.0/8 or 2001:db8::/32; null: any.'),
	expiresAt: z.iso.datetime({ offset: true }).nullable().describe('When it ends; null: when it is revoked.'),
	openWebUi: z
		.strictObject({
			instance: z.string().regex(SLUG).describe('Id of an instance that the operator declared.'),
			plain: z.boolean().default(false).describe('Believes its headers without a signature; needs networks.'),
			linkByEmail: z.boolean().default(false).describe('Finds people also by their e-mail address there.'),
		})
		.nullable()
		.describe('Of a key of Open WebUI, and of no other.'),
};

/** What a key says about Open WebUI. */
export type OpenWebUiEntry = z.output<typeof KEY_PARTS.openWebUi>;

/** Throws PC_INPUT_INVALID where a key says about Open WebUI what it may not, or nothing where it must. */
export function requireTrust(
	key: { readonly kind: string; readonly networks: readonly string[] | null; readonly openWebUi: OpenWebUiEntry },
	{ openWebUi: instances }: Pick<Snapshot, 'openWebUi'>,
): void {
	const { kind, networks, openWebUi } = key;
	const at = (path: string, message: string) => inputInvalid([{ path: `body.${path}`, message }]);
	if (kind !== 'open-webui') {
		if (openWebUi !== null) throw at('openWebUi', 'is for keys of the kind open-webui');
		return;
	}
	if (openWebUi === null) throw at('openWebUi', 'name the instance');
	if (!instances.has(openWebUi.instance)) throw at('openWebUi.instance', 'there is no such instance');
	if (openWebUi.plain && networks === null) throw at('networks', 'must be given where plain headers are believed');
}

const { version, createdAt, updatedAt } = MANAGED;

/** What is shown of a key: never the key. */
export const KEY_SHOWN = {
	id: z.string(),
	kind: z.enum(['personal', 'service', 'open-webui']),
	name: z.string(),
	prefix: z.string().describe('How the key begins, to tell which it is.'),
	level: LEVEL,
	owner: z
		.strictObject({ issuer: z.string(), tid: z.string(), oid: z.string() })
		.nullable()
		.describe('Whose it is; of personal keys alone.'),
	servers: z.array(z.string()).nullable(),
	networks: z.array(z.string()).nullable(),
	openWebUi: KEY_PARTS.openWebUi,
	expiresAt: z.string().meta({ format: 'date-time' }).nullable(),
	createdBy: z.string().describe('As the actor of a record: JSON [issuer, tid, oid], or operator.'),
	lastUsedAt: z.string().meta({ format: 'date-time' }).nullable().describe('Up to a minute late.'),
	...{ version, createdAt, updatedAt },
};

/** Throws PC_INPUT_INVALID where a key would be for a server there is not. */
export async function requireServers(tx: WorkspaceTx, servers: readonly string[] | null): Promise<void> {
	if (servers === null) return;
	const known = new Set(await serverSlugs(tx));
	const faults = servers.flatMap((slug, index) => {
		return known.has(slug) ? [] : [{ path: `body.servers.${index}`, message: 'there is no such server' }];
	});
	if (faults.length > 0) throw inputInvalid(faults);
}
