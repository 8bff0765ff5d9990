import type { Server } from '../config/snapshot.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { createMultiplexer } from './multiplexer.ts';
import { type ChildExit, startStdioChild } from './stdio-child.ts';
import type { ChildProgram } from './stdio-program.ts';
import { createStdioWatch } from './stdio-watch.ts';
import type { Wire, WireEvents } from './wire.ts';

/** What a stdio wire is made of. */
export interface StdioWireParts {
	readonly server: Server;
	readonly program: ChildProgram;
	readonly events: WireEvents;
	misdirected(): void;
	/** Told once when the child prints what is no message to its stdout, which is for messages alone. */
	onNoise(): void;
	/** Logs the end of a child with the tail of its stderr, redacted, and how many lines of its stdout were no messages. */
	onChildExit(exit: ChildExit, stderrTail: string, noise: number): void;
}

/** Starts the server's program and speaks JSON lines with it. */
export function openStdioWire(parts: StdioWireParts): Wire {
	const { server, events } = parts;
	let noise = 0;
	const child = startStdioChild(
		{ ...parts.program, lineBytes: server.limits.frameBytes },
		{
			// A banner or a stray print is skipped, and never quoted: it may hold anything.
			onLine(line) {
				if (line.trim() === '' || (line.trimStart().startsWith('{') && multiplexer.receive(line))) return;
				if (++noise === 1) parts.onNoise();
			},
			onExit(exit) {
				const error = exitError(exit);
				multiplexer.fail(error);
				watching.close();
				parts.onChildExit(exit, child.stderrTail(), noise);
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
		startMs: server.limits.startMs,
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
