/** The MCP fixture: one behaviour in four builds, written by hand (no SDK) so that it can also misbehave. */

export {
	type FixtureOptions,
	type Hostile,
	LONG_TOOL_NAME,
	ODD_TOOL_NAME,
} from './mcp/behaviour.mjs';
export {
	closedPortUrl,
	type HttpFixture,
	type HttpFixtureOptions,
	type SeenRequest,
	startRecorder,
} from './mcp/http-server.ts';
export { type LegacyHttpFixture, type LegacyHttpOptions, startLegacyHttp } from './mcp/legacy-http.ts';
export { type LegacySseFixture, type LegacySseOptions, startLegacySse } from './mcp/legacy-sse.ts';
export { type ModernHttpOptions, startModernHttp } from './mcp/modern-http.ts';
export { readStdioLog, type StdioCommand, type StdioEvent, type StdioOptions, stdioServer } from './mcp/stdio.ts';
