import { asObject, type JsonObject } from '../mcp/call.ts';
import { ACKNOWLEDGED } from '../mcp/changes.ts';
import { META } from '../mcp/modern/envelope.ts';
import { ACKNOWLEDGE_MS, REOPEN_MS } from './http-watch.ts';

/** What a subscription on a duplex stream is made with. */
export interface StdioWatchParts {
	/** Sends one message; never throws. */
	write(text: string): void;
	/** It had ended and stands again. */
	onReopened(): void;
}

/** The gateway's own subscription on a duplex stream, replaced when its filter changes. */
export interface StdioWatch {
	/** See `Wire.watch`. */
	watch(params: string | undefined): Promise<JsonObject | undefined>;
	/** Takes a message that concerns a subscription of ours and nobody else; `true` when it did. */
	isOwn(message: JsonObject): boolean;
	close(): void;
}

interface Listen {
	readonly id: string;
	readonly params: string;
	settle(acknowledged: JsonObject | undefined): void;
	stands: boolean;
}

const ID_PREFIX = 'portcullis-watch-';

/** One subscription at a time, two while a new one replaces an old one. */
export function createStdioWatch({ write, onReopened }: StdioWatchParts): StdioWatch {
	let listens: readonly Listen[] = [];
	let lastNumber = 0;
	let reopening: NodeJS.Timeout | undefined;

	const forget = (listen: Listen): void => {
		listens = listens.filter((other) => other !== listen);
		listen.settle(undefined);
	};
	const cancel = (listen: Listen): void => {
		forget(listen);
		write(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"${listen.id}"}}`);
	};
	const watch = (params: string): Promise<JsonObject | undefined> => {
		clearTimeout(reopening);
		return new Promise((resolve) => {
			const giveUp = (): void => (listens[0] === listen ? resolve(undefined) : cancel(listen));
			const patience = setTimeout(giveUp, ACKNOWLEDGE_MS).unref();
			const settle = (acknowledged: JsonObject | undefined): void => {
				clearTimeout(patience);
				resolve(acknowledged);
			};
			const listen: Listen = { id: `${ID_PREFIX}${++lastNumber}`, params, settle, stands: false };
			listens = [...listens, listen];
			write(`{"jsonrpc":"2.0","id":"${listen.id}","method":"subscriptions/listen","params":${params}}`);
		});
	};
	const stand = (listen: Listen, message: JsonObject): void => {
		listen.stands = true;
		for (const older of listens.slice(0, listens.indexOf(listen))) cancel(older);
		listen.settle(asObject(message['params']) ?? {});
	};
	const reopen = (params: string): void => {
		watch(params).then((acknowledged) => acknowledged && onReopened());
	};
	const end = (id: string): void => {
		const listen = listens.find((each) => each.id === id);
		if (listen === undefined) return;
		forget(listen);
		if (listen.stands && listens.length === 0) reopening = setTimeout(reopen, REOPEN_MS, listen.params).unref();
	};
	return {
		watch: (params) => (params === undefined ? Promise.resolve(undefined) : watch(params)),
		isOwn(message) {
			const ended = endedBy(message);
			if (ended !== undefined) end(ended);
			const tag = ended ?? tagOf(message);
			if (tag === undefined) return false;
			const listen = listens.find((each) => each.id === tag);
			const isAcknowledged = message['method'] === ACKNOWLEDGED;
			if (listen !== undefined && isAcknowledged) stand(listen, message);
			// What a replaced subscription still tells, its successor tells too.
			return listen === undefined || isAcknowledged;
		},
		close() {
			clearTimeout(reopening);
			for (const listen of listens) forget(listen);
		},
	};
}

// By its response, or, as one page of the specification has it, by a cancellation that the server sends.
function endedBy(message: JsonObject): string | undefined {
	if (message['method'] === undefined) return ours(message['id']);
	if (message['method'] !== 'notifications/cancelled') return undefined;
	return ours(asObject(message['params'])?.['requestId']);
}

function tagOf(message: JsonObject): string | undefined {
	return ours(asObject(asObject(message['params'])?.['_meta'])?.[META.subscriptionId]);
}

function ours(id: unknown): string | undefined {
	return typeof id === 'string' && id.startsWith(ID_PREFIX) ? id : undefined;
}
