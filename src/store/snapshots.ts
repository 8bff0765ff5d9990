import { byDigest } from '../config/api-keys.ts';
import { assembleSnapshot } from '../config/build-snapshot.ts';
import { canonicalDigest } from '../config/canonical-digest.ts';
import { keepUnchanged } from '../config/keep-unchanged.ts';
import { byHolder } from '../config/memberships.ts';
import type { SecretLookup } from '../config/secret-template.ts';
import type { Snapshot, SnapshotSource, SwapListener } from '../config/snapshot.ts';
import {
	type BuiltPlatform,
	type BuiltWorkspace,
	buildPlatform,
	buildStored,
	createServerReader,
	type ServerReader,
} from './build-stored.ts';
import {
	type ConfigVersions,
	configVersions,
	listDirectories,
	listPlatformGrants,
	platformSettings,
} from './queries/platform.ts';
import { readWorkspaceConfig } from './queries/workspace-config.ts';
import type { Store } from './store.ts';

/** What snapshots are made from and whom they tell. */
export interface StoredSnapshotsParts {
	readonly store: Store;
	/** Where references to secrets are looked up, in this process. */
	readonly lookup: () => SecretLookup;
	/** Milliseconds on a clock that never runs backwards. */
	readonly steadyNow?: () => number;
	readonly onSwapped?: (next: Snapshot) => void;
	/** Told what of the configuration cannot be used here; never with a value. */
	readonly onFaults?: (workspace: string, faults: readonly string[]) => void;
	/** Told what a listener threw. */
	readonly onTrouble?: (error: unknown) => void;
}

/** Snapshots of what the store declares. */
export interface StoredSnapshots extends SnapshotSource {
	/** Looks for changes and swaps. Rejects with PC_STORE_UNAVAILABLE; the old snapshot stays. */
	refresh(): Promise<void>;
	/** Builds everything anew, whatever the versions say: secrets are read again. */
	reload(): Promise<void>;
	/** How long ago the store last confirmed the snapshot, milliseconds. */
	ageMs(): number;
}

interface Held {
	readonly version: string;
	readonly built: BuiltWorkspace;
}

interface State {
	readonly platformVersion: string;
	readonly platform: BuiltPlatform;
	/** By workspace id. */
	readonly held: ReadonlyMap<string, Held>;
}

const REASON = 'follow-configuration';

/** Workspaces that are read at a time. */
const PARALLEL = 6;

/** Builds the first snapshot. Throws PC_STORE_UNAVAILABLE. */
export async function createStoredSnapshots(parts: StoredSnapshotsParts): Promise<StoredSnapshots> {
	const { store, steadyNow = () => performance.now() } = parts;
	const listeners: SwapListener[] = [];
	let confirmedAt = steadyNow();
	let state = await readState(parts, undefined);
	let current = snapshotOf(1, state);
	const swap = (next: State): void => {
		const previous = current;
		state = next;
		current = keepUnchanged(previous, snapshotOf(previous.version + 1, next));
		if (current === previous) return;
		for (const listener of listeners) attempt(() => listener(current, previous), parts);
		attempt(() => parts.onSwapped?.(current), parts);
	};
	const look = async (known: State | undefined): Promise<void> => {
		const startedAt = steadyNow();
		const next = await readState({ ...parts, store }, known);
		confirmedAt = startedAt;
		if (next !== state) swap(next);
	};
	const inTurn = createTurns();
	return {
		current: () => current,
		onChange: (listener) => void listeners.push(listener),
		refresh: () => inTurn(() => look(state)),
		reload: () => inTurn(() => look(undefined)),
		ageMs: () => steadyNow() - confirmedAt,
	};
}

// One listener that fails must not keep the others on the old snapshot.
function attempt(tell: () => void, { onTrouble }: StoredSnapshotsParts): void {
	try {
		tell();
	} catch (error) {
		onTrouble?.(error);
	}
}

/** Runs each task after the one before it: the older of two overlapping readings must not win. */
function createTurns(): (task: () => Promise<void>) => Promise<void> {
	let last: Promise<unknown> = Promise.resolve();
	return (task) => {
		const turn = last.then(task);
		last = turn.catch(() => undefined);
		return turn;
	};
}

/** The state of the store; the same object when nothing has changed since `known`. */
async function readState(parts: StoredSnapshotsParts, known: State | undefined): Promise<State> {
	const { store } = parts;
	const versions = await store.asPlatform.standing(REASON, configVersions);
	if (known !== undefined && isSame(versions, known)) return known;
	const isPlatformKnown = known?.platformVersion === versions.platform;
	const platform = isPlatformKnown ? known.platform : await readPlatform(parts);
	const reusable = known !== undefined && isSameGround(known.platform, platform) ? known.held : new Map<string, Held>();
	const held = await readWorkspaces({ ...parts, platform }, versions, reusable);
	return { platformVersion: versions.platform, platform, held };
}

function isSame({ platform, workspaces }: ConfigVersions, { platformVersion, held }: State): boolean {
	if (platform !== platformVersion || workspaces.size !== held.size) return false;
	for (const [id, version] of workspaces) if (held.get(id)?.version !== version) return false;
	return true;
}

// What of the platform goes into the building of workspaces.
function isSameGround(a: BuiltPlatform, b: BuiltPlatform): boolean {
	if (a === b) return true;
	const ground = ({ settings, directories }: BuiltPlatform) => [
		settings.defaults,
		settings.rate,
		directories.length > 1,
	];
	return canonicalDigest(ground(a)) === canonicalDigest(ground(b));
}

async function readPlatform({ store, lookup, onFaults }: StoredSnapshotsParts): Promise<BuiltPlatform> {
	const built = await store.asPlatform.standing(REASON, async (tx) => {
		const settings = await platformSettings(tx);
		const directories = await listDirectories(tx);
		return buildPlatform({ settings, directories, grants: await listPlatformGrants(tx) }, lookup());
	});
	if (built.faults.length > 0) onFaults?.('*', built.faults);
	return built;
}

type WorkspacesParts = StoredSnapshotsParts & { readonly platform: BuiltPlatform };

async function readWorkspaces(
	parts: WorkspacesParts,
	{ workspaces }: ConfigVersions,
	known: ReadonlyMap<string, Held>,
): Promise<ReadonlyMap<string, Held>> {
	const readServer = createServerReader(parts.lookup());
	const held = new Map<string, Held>();
	const wanted = [...workspaces.entries()][Symbol.iterator]();
	const readNext = async (): Promise<void> => {
		for (const [id, version] of wanted) {
			const kept = known.get(id);
			const read = kept?.version === version ? kept : await readWorkspace(parts, readServer, id);
			if (read !== undefined) held.set(id, read);
		}
	};
	await Promise.all(Array.from({ length: PARALLEL }, readNext));
	// In the order of the list, not in that of arrival: the order of rules is shown in explanations.
	const inOrder = [...workspaces.keys()].flatMap((id) => {
		const read = held.get(id);
		return read === undefined ? [] : [[id, read] as const];
	});
	return new Map(inOrder);
}

async function readWorkspace(parts: WorkspacesParts, readServer: ServerReader, id: string): Promise<Held | undefined> {
	const config = await parts.store.withWorkspace(id, REASON, readWorkspaceConfig);
	// Gone between the two readings.
	if (config === undefined) return undefined;
	const built = buildStored(config, { readServer, platform: parts.platform });
	if (built.faults.length > 0) parts.onFaults?.(config.slug, built.faults);
	return { version: config.configVersion, built };
}

function snapshotOf(version: number, { platform, held }: State): Snapshot {
	const built = [...held.values()].map((each) => each.built);
	return assembleSnapshot({
		version,
		directories: platform.directories,
		grantRules: [...platform.grantRules, ...built.flatMap(({ grantRules }) => grantRules)],
		memberships: byHolder(built.flatMap(({ memberships }) => memberships)),
		openWebUi: platform.settings.openWebUi,
		openWebUiLinks: new Map(built.flatMap(({ openWebUiLinks }) => openWebUiLinks)),
		credentials: new Map(built.flatMap(({ credentials }) => credentials)),
		apiKeys: byDigest(built.flatMap(({ apiKeys }) => apiKeys)),
		workspaces: built.map(({ workspace }) => workspace),
		limits: platform.settings.limits,
		names: platform.settings.names,
	});
}
