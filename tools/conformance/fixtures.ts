import { startLegacyHttp } from '../../test/fakes/mcp/legacy-http.ts';
import { startLegacySse } from '../../test/fakes/mcp/legacy-sse.ts';
import { startModernHttp } from '../../test/fakes/mcp/modern-http.ts';
import { stdioServer } from '../../test/fakes/mcp/stdio.ts';
import type { Build, ServerRun } from './runs.ts';

/** A fixture server that runs, or that the gateway can start. */
export interface Fixture {
	/** How `portcullis.yaml` names it. */
	readonly server: Readonly<Record<string, unknown>>;
	/** Where it can be reached without the gateway. */
	readonly url?: string;
	close(): Promise<void>;
}

interface Listening {
	readonly url: string;
	close(): Promise<void>;
}

const START: Readonly<Record<Build, () => Promise<Fixture>>> = {
	'legacy-http': async () => listening(await startLegacyHttp(CONFORMANCE), 'http'),
	'modern-http': async () => listening(await startModernHttp(CONFORMANCE), 'http'),
	'legacy-sse': async () => listening(await startLegacySse(CONFORMANCE), 'sse'),
	'legacy-stdio': async () => onPipes('legacy'),
	'modern-stdio': async () => onPipes('modern'),
};

/** Starts the server of one run. Runs share none: what one changes must not show in another. */
export function startFixture({ build }: ServerRun): Promise<Fixture> {
	return START[build]();
}

function listening({ url, close }: Listening, transport: string): Fixture {
	const address = url.replace('127.0.0.1', 'localhost'); // a scenario about hosts accepts no other name
	return { server: { ...COMMON, transport, url }, url: address, close };
}

function onPipes(era: 'legacy' | 'modern'): Fixture {
	const { command, args, env } = stdioServer({ ...CONFORMANCE, era });
	return { server: { ...COMMON, transport: 'stdio', command, args, env }, close: async () => undefined };
}

const CONFORMANCE = { conformance: true };
/** The suites have servers ask for everything a client can be asked, roots by stdio servers included. */
const COMMON = { clientFeatures: ['elicitation', 'sampling', 'roots'] };
