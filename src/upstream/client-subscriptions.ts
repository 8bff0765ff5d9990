import { PortcullisError } from '../errors/portcullis-error.ts';
import type { ChangedList } from '../mcp/changes.ts';
import type { SessionClaim, SessionIds } from '../mcp/legacy/session.ts';
import { type ChangeFeed, createChangeFeed, type FeedSink } from './change-feed.ts';
import { createListening, type Listening, type ListeningParts, type WatchedResource } from './listening.ts';
import type { Target } from './target.ts';

/** A GET stream of a session. */
export interface SessionStream extends FeedSink {
	/** Servers the caller of this stream may use. */
	readonly targets: readonly Target[];
	readonly lists: readonly ChangedList[];
	/** Ends the stream. */
	end(): void;
}

/** What legacy sessions watch at addresses where the gateway holds the upstream session, and the streams they have open. */
export interface ClientSubscriptions {
	/** Watches under this session; rejects with PC_SUBSCRIPTIONS_FULL at the limit, and as `ResourceWatches.watch` does. */
	subscribe(session: SessionClaim, resource: WatchedResource): Promise<void>;
	/** Stops watching what the caller names so; what it does not watch is no error. */
	unsubscribe(session: SessionClaim | undefined, exposed: string): void;
	/** Opens a stream; returns what closes it. */
	open(session: SessionClaim, stream: SessionStream): () => void;
	/** Notes that the session is in use. */
	touch(session: SessionClaim): void;
	end(session: SessionClaim | undefined): void;
	close(): void;
	/** Sessions that are remembered. */
	readonly size: number;
}

/** What the subscriptions of sessions are made with; milliseconds. */
export interface SubscriptionsParts extends ListeningParts {
	readonly sessionIds: Pick<SessionIds, 'end'>;
	readonly idleMs?: number;
	now?(): number;
}

/** Resources that one session, or one modern subscription, may watch. */
export const MAX_RESOURCES = 1_000;
/** GET streams that one session may have open; the oldest ends when there is one more. */
const MAX_STREAMS = 8;
/** Sessions without a stream that are remembered for what they watch: of one principal, and of all. */
const MAX_ABANDONED_OF_ONE = 100;
const MAX_ABANDONED = 10_000;
const IDLE_MS = 60 * 60_000;
/** How often in that time the idle ones are looked for. */
const SWEEPS = 4;

interface Box {
	readonly claim: SessionClaim;
	readonly feed: ChangeFeed;
	readonly listening: Listening;
	/** By the name the caller uses; without `stop` while the server is being asked. */
	readonly watched: Map<string, { readonly resource: WatchedResource; stop: (() => void) | undefined }>;
	streams: readonly SessionStream[];
	usedAt: number;
	ended: boolean;
}

/**
 * Sessions cost nothing until they watch or listen, and nothing again when they have stopped. One that watches and is
 * abandoned ends after an hour, or earlier when there are too many: its id is unknown then, so that its client notices.
 */
export function createClientSubscriptions(parts: SubscriptionsParts): ClientSubscriptions {
	const boxes = createBoxes(parts);
	return {
		async subscribe(session, resource) {
			const box = boxes.of(session);
			if (box.watched.has(resource.exposed)) return;
			if (box.watched.size >= MAX_RESOURCES) throw new PortcullisError('PC_SUBSCRIPTIONS_FULL');
			await watch(box, resource).catch((error: unknown) => {
				box.watched.delete(resource.exposed);
				boxes.dropUnused(box);
				throw error;
			});
		},
		unsubscribe(session, exposed) {
			const box = session && boxes.known(session);
			const entry = box?.watched.get(exposed);
			if (box === undefined || entry === undefined) return;
			box.watched.delete(exposed);
			entry.stop?.();
			boxes.dropUnused(box);
		},
		open(session, stream) {
			const box = boxes.of(session);
			box.streams = [...box.streams, stream];
			if (box.streams.length > MAX_STREAMS) box.streams[0]?.end();
			follow(box, stream.targets);
			const detach = box.feed.attach(stream);
			return () => {
				detach();
				if (box.ended) return;
				box.streams = box.streams.filter((other) => other !== stream);
				const newest = box.streams.at(-1);
				box.listening.lists(newest?.targets ?? [], newest?.lists ?? []);
				boxes.touch(box);
				boxes.dropUnused(box);
			};
		},
		touch(session) {
			const box = boxes.size === 0 ? undefined : boxes.known(session);
			if (box !== undefined) boxes.touch(box);
		},
		end(session) {
			const box = session && boxes.known(session);
			if (box !== undefined) boxes.drop(box);
		},
		close: boxes.close,
		get size() {
			return boxes.size;
		},
	};
}

/** The sessions that are remembered, in order of use. */
interface Boxes {
	/** The session's box, made if need be; noted as in use. */
	of(claim: SessionClaim): Box;
	known(claim: SessionClaim): Box | undefined;
	touch(box: Box): void;
	drop(box: Box): void;
	dropUnused(box: Box): void;
	close(): void;
	readonly size: number;
}

function createBoxes(parts: SubscriptionsParts): Boxes {
	const { idleMs = IDLE_MS, now = Date.now } = parts;
	const boxes = new Map<string, Box>();
	let sweeping: NodeJS.Timeout | undefined;

	const touch = (box: Box): void => {
		box.usedAt = now();
		boxes.delete(box.claim.nonce);
		boxes.set(box.claim.nonce, box);
	};
	const drop = (box: Box): void => {
		boxes.delete(box.claim.nonce);
		box.ended = true;
		box.listening.close();
		box.feed.close();
		for (const stream of box.streams) stream.end();
	};
	const expire = (box: Box): void => {
		parts.sessionIds.end(box.claim);
		drop(box);
	};
	const sweep = (): void => {
		sweeping = undefined;
		for (const box of boxes.values()) if (isAbandoned(box) && now() - box.usedAt >= idleMs) expire(box);
		if (boxes.size > 0) sweeping = setTimeout(sweep, idleMs / SWEEPS).unref();
	};
	return {
		of(claim) {
			const known = boxes.get(claim.nonce);
			const box = known ?? newBox(parts, claim);
			touch(box);
			const tooMany =
				known === undefined ? oneTooMany([...boxes.values()].filter(isAbandoned), claim.owner) : undefined;
			if (tooMany !== undefined) expire(tooMany);
			sweeping ??= setTimeout(sweep, idleMs / SWEEPS).unref();
			return box;
		},
		known: (claim) => boxes.get(claim.nonce),
		touch,
		drop,
		dropUnused(box) {
			if (!box.ended && box.watched.size === 0 && isAbandoned(box)) drop(box);
		},
		close() {
			clearTimeout(sweeping);
			for (const box of boxes.values()) drop(box);
		},
		get size() {
			return boxes.size;
		},
	};
}

function isAbandoned({ streams }: Box): boolean {
	return streams.length === 0;
}

// One person's sessions push out their own first; another's only where there are very many of all.
function oneTooMany(abandoned: readonly Box[], owner: string): Box | undefined {
	const own = abandoned.filter(({ claim }) => claim.owner === owner);
	if (own.length > MAX_ABANDONED_OF_ONE) return own[0];
	return abandoned.length > MAX_ABANDONED ? abandoned[0] : undefined;
}

function newBox(parts: ListeningParts, claim: SessionClaim): Box {
	const feed = createChangeFeed();
	return {
		claim,
		feed,
		listening: createListening(parts, feed),
		watched: new Map(),
		streams: [],
		usedAt: 0,
		ended: false,
	};
}

async function watch(box: Box, resource: WatchedResource): Promise<void> {
	const entry: { readonly resource: WatchedResource; stop: (() => void) | undefined } = { resource, stop: undefined };
	box.watched.set(resource.exposed, entry);
	const stop = await box.listening.resource(resource);
	// Unsubscribed, or subscribed anew, while the server was asked.
	if (box.watched.get(resource.exposed) === entry) entry.stop = stop;
	else stop();
}

// Who opens a stream hears of the servers it may use now: what it watched at others ends, and what it watched at a
// server that was defined anew goes on there.
function follow(box: Box, targets: readonly Target[]): void {
	const lists = box.streams.at(-1)?.lists ?? [];
	const keys = new Set(targets.map(({ credential }) => credential.key));
	box.listening.lists(targets, lists);
	box.feed.retain((key) => keys.has(key));
	for (const [exposed, { resource, stop }] of box.watched) {
		if (keys.has(resource.target.credential.key)) continue;
		stop?.();
		box.watched.delete(exposed);
		const { workspace, slug } = resource.target.server;
		const target = targets.find(({ server }) => server.workspace === workspace && server.slug === slug);
		if (target !== undefined) watch(box, { ...resource, target }).catch(() => undefined);
	}
}
