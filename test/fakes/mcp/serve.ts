/**
 * Starts one http build of the fixture as a program: `tsx test/fakes/mcp/serve.ts --build modern-http --conformance`.
 * It prints `{"url": …}` once it listens and ends on SIGTERM or SIGINT.
 */
import { parseArgs } from 'node:util';
import { startLegacyHttp, startLegacySse, startModernHttp } from '../upstream.ts';

const BUILDS = { 'modern-http': startModernHttp, 'legacy-http': startLegacyHttp, sse: startLegacySse };

async function serve(): Promise<void> {
	const { values } = parseArgs({
		options: {
			build: { type: 'string' },
			conformance: { type: 'boolean', default: false },
			port: { type: 'string', default: '0' },
			options: { type: 'string', default: '{}' },
		},
	});
	const start = BUILDS[values.build as keyof typeof BUILDS];
	if (!start) throw new Error(`--build is one of ${Object.keys(BUILDS).join(', ')}`);
	const { conformance, port } = values;
	const fixture = await start({ ...JSON.parse(values.options), conformance, port: Number(port) });
	for (const signal of ['SIGTERM', 'SIGINT'] as const) {
		process.once(signal, () => void fixture.close().then(() => process.exit(0)));
	}
	// By name: the suite tests what a server on this machine does only where the address says so.
	const url = fixture.url.replace('127.0.0.1', 'localhost');
	process.stdout.write(`${JSON.stringify({ url })}\n`);
}

await serve();
