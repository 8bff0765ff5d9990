import type { Requirement } from './requirements.ts';

const SETTINGS = 'test/e2e/openapi-settings.test.ts';
const WIRE = 'test/e2e/open-webui-wire.test.ts';
const OUTAGES = 'test/e2e/openapi-outages.test.ts';

/** What is promised of the same tools as an OpenAPI service. */
export const OPENAPI_REQUIREMENTS: readonly Requirement[] = [
	{
		id: 'openapi-as-mcpo',
		promise: 'A caller of mcpo finds the same addresses, names, answers and errors, or better ones; or exactly those.',
		source: 'docs/openapi.md',
		proofs: [
			['test/e2e/openapi.test.ts', 'answers as mcpo does, or better'],
			[SETTINGS, 'is answered like that'],
			[SETTINGS, 'has its document, member by member'],
			[SETTINGS, 'keeps it to itself: others, and the whole set of the caller, have the better way'],
			['src/openapi/golden.test.ts', 'is that of mcpo in strict mode, member by member'],
		],
	},
	{
		id: 'openapi-no-upstream-headers',
		promise:
			'No header of a server reaches a caller of an OpenAPI address, and a page only where the workspace allows it.',
		source: 'docs/openapi.md: what a workspace may want otherwise',
		proofs: [
			[SETTINGS, 'is a text like any other, and no header of a server ever passes'],
			[SETTINGS, 'is shown in a workspace that allows it, by headers of the gateway’s own and in a sandbox'],
			[SETTINGS, 'may be an address of the web, and no other'],
		],
	},
	{
		id: 'openapi-document-stays',
		promise: 'A document is the last known one while servers are away, and never empty for want of an answer.',
		source: 'docs/openapi.md: documents',
		proofs: [
			[OUTAGES, 'is the last one known, letter by letter'],
			[OUTAGES, 'is refused, and never empty, where nothing was known when the gateway started'],
			[OUTAGES, 'of several has the tools of those that are known, and says who is missing'],
			['src/upstream/sessions.test.ts', 'stays known while it is away, however long ago it was found out'],
		],
	},
	{
		id: 'open-webui-wire',
		promise: 'What Open WebUI really sends works, over OpenAPI and over MCP, and only what it needs goes further.',
		source: 'docs/open-webui.md: how it is tried',
		proofs: [
			[WIRE, 'is read once for everybody with the key alone'],
			[WIRE, 'is refused as JSON that says why, with an empty bearer, another key, or at another address'],
			[WIRE, 'is the person’s that the header is signed for'],
			[WIRE, 'carries nothing of the browser or of Open WebUI to the server, nor into a record'],
			[WIRE, 'is refused with a sentence, where the person may not, is not known, or is not said'],
			[WIRE, 'is tried again with a header minted anew'],
			[WIRE, 'is never redirected, whichever slash form the connection has'],
			[WIRE, 'goes from initialize to DELETE at'],
			[WIRE, 'begins within the ten seconds of initialize'],
			[WIRE, 'belongs to whoever began it: nobody else continues it'],
		],
	},
	{
		id: 'openapi-two-workspaces',
		promise: 'Real servers are called as people of two workspaces, and nothing of one is there for the other.',
		source: 'docs/openapi.md',
		proofs: [
			['test/e2e/openapi-real-servers.test.ts', 'reads and writes files of their own folder, and none of the other'],
			['test/e2e/openapi-real-servers.test.ts', 'remembers in a memory of their own'],
			['test/e2e/openapi-real-servers.test.ts', 'commits to a repository of their own'],
			['test/e2e/openapi-real-servers.test.ts', 'asks a database of their own'],
			['test/e2e/openapi-real-servers.test.ts', 'finds at the other’s addresses neither documents nor tools'],
		],
	},
	{
		id: 'openapi-in-time',
		promise: 'A call of an OpenAPI address ends with a sentence before Open WebUI stops waiting.',
		source: 'docs/openapi.md',
		proofs: [[OUTAGES, 'that takes too long is given up before its caller does, with a sentence, at the server too']],
	},
];
