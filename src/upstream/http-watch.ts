import { asObject, type JsonObject } from '../mcp/call.ts';
import { ACKNOWLEDGED } from '../mcp/changes.ts';
import { parseMessage } from '../mcp/server-message.ts';
import type { EventFeed } from './event-feed.ts';
import type { HttpReply } from './http-exchange.ts';

/** What a subscription over http is made with. */
export interface HttpWatchParts {
	/** Sends `subscriptions/listen`; `params` is JSON text. */
	open(params: string): Promise<HttpReply>;
	/** Takes one message of the subscription. */
	take(message: JsonObject): void;
	/** It had ended in order and stands again. */
	onReopened(): void;
	/** It is gone and could not be opened again. */
	onLost(): void;
}

/** The gateway's own subscription at a modern http server, replaced when its filter changes. */
export interface HttpWatch {
	/** See `Wire.watch`. */
	watch(params: string): Promise<JsonObject | undefined>;
	close(): void;
}

interface Stream {
	readonly params: string;
	/** Settles the watch: with what was acknowledged, or with nothing. */
	settle(acknowledged: JsonObject | undefined): void;
	feed: EventFeed | undefined;
	stands: boolean;
	replaced: boolean;
}

/** How long a server may take to acknowledge a subscription. */
export const ACKNOWLEDGE_MS = 5_000;
/** Wait before a subscription that the server ended is opened again. */
export const REOPEN_MS = 1_000;

/** One stream at a time, two while a new one replaces an old one. */
export function createHttpWatch(parts: HttpWatchParts): HttpWatch {
	let streams: readonly Stream[] = [];
	let reopening: NodeJS.Timeout | undefined;

	const drop = (stream: Stream): void => {
		stream.replaced = true;
		stream.feed?.cancel();
		streams = streams.filter((other) => other !== stream);
		stream.settle(undefined);
	};
	const stand = (stream: Stream, acknowledged: JsonObject): void => {
		stream.stands = true;
		for (const older of streams.slice(0, streams.indexOf(stream))) drop(older);
		stream.settle(acknowledged);
	};
	const run = async (stream: Stream): Promise<void> => {
		const ended = await readAll(parts, stream, stand).catch(() => 'broken' as const);
		if (stream.replaced) return;
		drop(stream);
		if (!stream.stands || streams.length > 0) return;
		// In order: the server ended it on purpose and takes the next one. Broken: whoever shares this wire must know.
		if (ended === 'broken') return parts.onLost();
		reopening = setTimeout(reopen, REOPEN_MS, stream.params).unref();
	};
	const watch: HttpWatch['watch'] = (params) => {
		clearTimeout(reopening);
		return new Promise((resolve) => {
			// A server that never acknowledges still tells what it tells, unless another subscription does already.
			const giveUp = (): void => (streams[0] === stream ? resolve(undefined) : drop(stream));
			const patience = setTimeout(giveUp, ACKNOWLEDGE_MS).unref();
			const settle = (acknowledged: JsonObject | undefined): void => {
				clearTimeout(patience);
				resolve(acknowledged);
			};
			const stream: Stream = { params, settle, feed: undefined, stands: false, replaced: false };
			streams = [...streams, stream];
			void run(stream);
		});
	};
	const reopen = (params: string): void => {
		watch(params).then((acknowledged) => (acknowledged === undefined ? parts.onLost() : parts.onReopened()));
	};
	return {
		watch,
		close() {
			clearTimeout(reopening);
			for (const stream of streams) drop(stream);
		},
	};
}

type Stand = (stream: Stream, acknowledged: JsonObject) => void;

async function readAll(parts: HttpWatchParts, stream: Stream, stand: Stand): Promise<'ended'> {
	const { events: feed } = await parts.open(stream.params);
	stream.feed = feed;
	if (stream.replaced) feed?.cancel();
	if (feed === undefined) return 'ended';
	for (let event = await feed.next(); event !== undefined && !stream.replaced; event = await feed.next()) {
		const message = parseMessage(event.data);
		if (message === undefined) continue;
		if (message['method'] === ACKNOWLEDGED) stand(stream, asObject(message['params']) ?? {});
		else if (typeof message['method'] === 'string') parts.take(message);
		// A response: the subscription has ended, whether or not the stream does.
		else break;
	}
	feed.cancel();
	return 'ended';
}
