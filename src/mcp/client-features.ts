import { memberOf, sliceOf } from '../lib/json-text.ts';
import { asObject, type JsonObject } from './call.ts';
import { profileOf } from './legacy/session.ts';

/** What a server may ask of a client, by the client capability that allows it (mcp 2025-11-25: client features). */
export const CLIENT_FEATURES = ['elicitation', 'sampling', 'roots'] as const;

/** One of them. */
export type ClientFeature = (typeof CLIENT_FEATURES)[number];

const FEATURE_OF: Readonly<Record<string, ClientFeature>> = {
	'elicitation/create': 'elicitation',
	'sampling/createMessage': 'sampling',
	'roots/list': 'roots',
};

/** The feature that a question of a server needs, or `undefined` for a method that is no such question. */
export function featureOf(method: string): ClientFeature | undefined {
	return Object.hasOwn(FEATURE_OF, method) ? FEATURE_OF[method] : undefined;
}

/**
 * The client capabilities that travel with a call whose session the gateway holds: what the caller declared, without
 * the features this server may not use and without what cannot be carried (tasks of the older revision, changes of
 * roots). Narrower than declared, never wider. Both profiles are canonical JSON text.
 */
export function narrowedProfile(profile: string, allowed: readonly ClientFeature[]): string {
	if (profile === '{}') return profile;
	const { tasks: _tasks, ...declared } = JSON.parse(profile) as JsonObject;
	const kept = Object.entries(declared).filter(([name]) => isOther(name) || allowed.includes(name as ClientFeature));
	return profileOf(Object.fromEntries(kept.map(([name, value]) => [name, name === 'roots' ? {} : value])));
}

function isOther(name: string): boolean {
	return !(CLIENT_FEATURES as readonly string[]).includes(name);
}

/** Whether a server may ask anything of a client that declared this. */
export function mayBeAsked(profile: string): boolean {
	return profile !== '{}' && CLIENT_FEATURES.some((feature) => declares(profile, feature));
}

/** Whether the profile declares the feature. */
export function declares(profile: string, feature: ClientFeature): boolean {
	return asObject((JSON.parse(profile) as JsonObject)[feature]) !== undefined;
}

/** Whether a client that declared this opens web pages for a server (`elicitation.url`, mcp 2025-11-25: elicitation). */
export function opensPages(profile: string): boolean {
	return elicitsBy(profile, 'url');
}

/** Whether a client that declared this may be asked this; `params` is JSON text. */
export function mayBeAskedThis(profile: string, method: string, params: string): boolean {
	const feature = featureOf(method);
	if (feature === undefined || !declares(profile, feature)) return false;
	if (feature !== 'elicitation') return true;
	const mode = memberOf(params, 'mode');
	return elicitsBy(profile, mode === undefined ? 'form' : JSON.parse(sliceOf(params, mode)));
}

// Forms are the mode of a client that names none (mcp 2025-11-25: elicitation, capabilities).
function elicitsBy(profile: string, mode: unknown): boolean {
	const modes = asObject((JSON.parse(profile) as JsonObject)['elicitation']);
	if (modes === undefined || typeof mode !== 'string') return false;
	const declared = Object.hasOwn(modes, mode) && asObject(modes[mode]) !== undefined;
	return declared || (mode === 'form' && modes['url'] === undefined);
}
