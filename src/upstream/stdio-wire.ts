import type { Server, StdioTransport } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { createMultiplexer } from './multiplexer.ts';
import { type ChildExit, startStdioChild } from './stdio-child.ts';
import { createStdioWatch } from './stdio-watch.ts';
import type { Wire, WireEvents } from './wire.ts';

/** What a stdio wire is made of. */
export interface StdioWireParts {
	readonly server: Server & { readonly transport: StdioTransport };
	/** Rendered variables of the credential. */
	readonly credentialEnv: Readonly<Record<string, string>>;
	/** Harmless variables of our own environment (PATH, HOME, LANG, TZ, TMPDIR). */
	readonly baseEnv: Readonly<Record<string, string>>;
	readonly events: WireEvents;
	misdirected(): void;
	/** Logs the end of a child with the tail of its stderr, redacted. */
	onChildExit(exit: ChildExit, stderrTail: string): void;
}

/** Starts the server's program and speaks JSON lines with it. */
export function openStdioWire(parts: StdioWireParts): Wire {
	const { server, events } = parts;
	const child = startStdioChild(
		{
			command: server.transport.command,
			args: server.transport.args,
			cwd: server.transport.cwd,
			env: { ...parts.baseEnv, ...parts.credentialEnv },
			lineBytes: server.limits.frameBytes,
		},
		{
			// Anything that is not a JSON object is a banner or a stray print: skipped.
			onLine: (line) => line.trimStart().startsWith('{') && multiplexer.receive(line),
			onExit(exit) {
				const error = exitError(exit);
				multiplexer.fail(error);
				watching.close();
				parts.onChildExit(exit, child.stderrTail());
				events.onClosed(error);
			},
		},
	);
	const write = (text: string): void => {
		if (!child.writeLine(text)) throw new PortcullisError('PC_UPSTREAM_CRASHED');
	};
	const { onReopened } = events;
	const watching = createStdioWatch({ write: (text) => void child.writeLine(text), onReopened });
	const { isOwn } = watching;
	const multiplexer = createMultiplexer({
		write,
		limits: server.limits,
		events,
		isOwn,
		misdirected: parts.misdirected,
	});
	return {
		way: 'stdio',
		request: multiplexer.request,
		async notify(method, params) {
			child.writeLine(`{"jsonrpc":"2.0","method":${JSON.stringify(method)},"params":${params}}`);
		},
		settle: () => undefined,
		watch: watching.watch,
		close: () => child.stop(),
	};
}

function exitError(exit: ChildExit): PortcullisError {
	if (exit.kind === 'not-started') return new PortcullisError('PC_UPSTREAM_UNREACHABLE', { detail: exit.detail });
	if (exit.kind === 'line-too-long') return new PortcullisError('PC_UPSTREAM_TOO_LARGE', { detail: exit.detail });
	return new PortcullisError('PC_UPSTREAM_CRASHED', { detail: exit.detail });
}
