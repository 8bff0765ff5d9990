import { type ChildProcess, spawn } from 'node:child_process';
import { createFailure, type Load, type Meter } from './load-meter.ts';
import { type CallKind, callText, isAnswerTo } from './load-wire.ts';

/** A stdio server started by the generator itself, past its handshake. */
export interface StdioChild {
	readonly pid: number;
	/** Sends one line, without its end. */
	send(line: string): void;
	/** Takes every line from now on. */
	onLine(listener: (line: string) => void): void;
	close(): void;
}

function readLines(child: ChildProcess, take: (line: string) => void): void {
	let rest = '';
	child.stdout?.setEncoding('latin1').on('data', (chunk: string) => {
		rest += chunk;
		let start = 0;
		for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n', start)) {
			take(rest.slice(start, end));
			start = end + 1;
		}
		rest = rest.slice(start);
	});
}

/** Starts a stdio server and shakes hands with it. */
export async function startStdioChild(args: readonly string[]): Promise<StdioChild> {
	const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'], cwd: args[1] });
	let listener: (line: string) => void = () => undefined;
	readLines(child, (line) => listener(line));
	const send = (line: string) => void child.stdin.write(`${line}\n`, 'latin1');
	const params = { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'bench', version: '1' } };
	await new Promise<void>((resolve, reject) => {
		child.on('error', reject);
		listener = () => resolve();
		send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'initialize', params }));
	});
	send(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/initialized' }));
	return {
		pid: child.pid ?? 0,
		send,
		onLine: (take) => {
			listener = take;
		},
		close: () => void child.stdin.end(),
	};
}

function idOf(line: string): number {
	const at = line.lastIndexOf('"id":');
	return Number(line.slice(at + 5, at + 15));
}

/** Keeps as many calls in flight on one pipe as told, each with an id of its own. */
export function createStdioLoad(
	child: StdioChild,
	inFlight: number,
	{ meter, nextId, call }: { meter: Meter; nextId: () => number; call: CallKind },
): Load {
	const sentAt = new Map<number, number>();
	let stopped: (() => void) | undefined;
	const { failed, fail } = createFailure();

	function send(): void {
		const id = nextId();
		sentAt.set(id, performance.now());
		child.send(callText(id, 'legacy', call));
	}

	function receive(line: string): void {
		// A real server also sends notifications, which are nobody's answer.
		if (line.startsWith('{"method":')) return;
		const id = idOf(line);
		const started = sentAt.get(id);
		if (started === undefined || !isAnswerTo(id, line, call)) {
			fail(new Error(`wrong answer: ${line.slice(0, 600)}`));
			return;
		}
		sentAt.delete(id);
		meter.record(performance.now() - started);
		if (!stopped) send();
		else if (sentAt.size === 0) stopped();
	}

	return {
		failed,
		start() {
			child.onLine(receive);
			for (let count = 0; count < inFlight; count++) send();
		},
		stop: () =>
			new Promise((resolve) => {
				stopped = resolve;
			}),
	};
}
