import type { Requirement } from './requirements.ts';

/** What stands behind the decision: credentials, addresses and eras, upstreams, lists. */
export const SERVER_REQUIREMENTS: readonly Requirement[] = [
	{
		id: 'credentials-of-the-workspace',
		promise: 'A server is called with the credential of its workspace, and sees no header of the caller.',
		source: 'ARCHITECTURE.md: invariants',
		proofs: [
			['test/tenancy/credentials.test.ts', 'no server has seen a token, a cookie, or any other header of a caller'],
			['test/e2e/protocol-clients.test.ts', 'are never sent a token of the %s client'],
		],
	},
	{
		id: 'credentials-nowhere-else',
		promise: 'No secret is in an argument, a log, an error, a metric or the audit.',
		source: 'SECURITY.md',
		proofs: [
			['test/e2e/operation-cli.test.ts', 'keeps secrets and tokens out of arguments, logs and audit'],
			['test/tenancy/credentials.test.ts', 'the audit trail, the log and the metrics hold neither keys nor tokens'],
			['src/observe/redact.test.ts', 'takes every known secret out'],
		],
	},
	{
		id: 'eras-every-client',
		promise: 'Clients of both families work with servers of both, over http, sse and stdio, at every address.',
		source: 'README.md; docs/protocol.md',
		proofs: [
			['test/e2e/first-call.test.ts', 'a first call > reaches ${server} from a legacy client'],
			['test/e2e/first-call.test.ts', 'a first call > reaches ${server} from a modern client'],
			['test/e2e/protocol-clients.test.ts', 'uses tools, prompts, resources and completion of %s'],
			['test/e2e/protocol-real-servers.test.ts', 'lists and calls tools'],
		],
	},
	{
		id: 'eras-bytes',
		promise: 'Within one era, at its own address, a message passes byte for byte, unknown members included.',
		source: 'docs/protocol.md; mcp 2026-07-28: basic',
		proofs: [
			['test/e2e/protocol-raw-bytes.test.ts', 'goes up byte for byte'],
			['test/e2e/protocol-raw-bytes.test.ts', 'comes down byte for byte'],
		],
	},
	{
		id: 'eras-headers-agree',
		promise: 'A request of 2026-07-28 whose headers and body disagree is refused.',
		source: 'mcp 2026-07-28: basic/transports, standard headers',
		proofs: [
			['test/e2e/protocol-envelope.test.ts', 'is refused as a mismatch'],
			['test/e2e/edge-headers.test.ts', 'must say what the body says'],
		],
	},
	{
		id: 'eras-private',
		promise: 'What the gateway passes on is never public for caches.',
		source: 'mcp 2026-07-28: caching; SECURITY.md',
		proofs: [['test/e2e/protocol-raw-modern.test.ts', 'leaves the gateway as private, with no other byte changed']],
	},
	{
		id: 'sessions-owner',
		promise: 'A session id is of no use to another person, at another address, or after its server changed.',
		source: 'mcp 2025-11-25: basic/security, session hijacking',
		proofs: [
			['test/e2e/protocol-raw-sessions.test.ts', 'is worth nothing to another person of the same workspace'],
			['test/e2e/protocol-raw-sessions.test.ts', 'ends when the definition of the server changes'],
			['test/tenancy/lookalike.test.ts', 'looks like garbage, and its owner keeps the session'],
		],
	},
	{
		id: 'sse-clients',
		promise: 'Clients of HTTP+SSE work with every server at every address, and their answers never cross.',
		source: 'docs/protocol.md: HTTP+SSE; mcp 2024-11-05: basic/transports',
		proofs: [
			['test/e2e/protocol-sse-clients.test.ts', 'shakes hands, lists and calls'],
			['test/e2e/protocol-sse-clients.test.ts', 'is told the progress of a call before its answer'],
			['test/e2e/protocol-sse-clients.test.ts', 'never see each other’s answers (%s)'],
		],
	},
	{
		id: 'sse-owner',
		promise: 'A stream of HTTP+SSE takes messages of its own person at its own address alone.',
		source: 'docs/protocol.md: HTTP+SSE',
		proofs: [
			[
				'test/e2e/protocol-sse-streams.test.ts',
				'for the stream of another person, another address or none is the same 404',
			],
			['test/e2e/protocol-sse-streams.test.ts', 'cannot choose its session by a header'],
		],
	},
	{
		id: 'sse-end',
		promise: 'What belongs to a stream of HTTP+SSE ends with it: calls, the session at the server, timers, listeners.',
		source: 'docs/protocol.md: HTTP+SSE',
		proofs: [
			['test/e2e/protocol-sse-streams.test.ts', 'gives up the calls in flight at %s, for the audit too'],
			['test/e2e/protocol-sse-streams.test.ts', 'leaves nothing behind'],
			['test/e2e/protocol-sse-clients.test.ts', 'ends with the stream'],
		],
	},
	{
		id: 'request-states-owner',
		promise: 'A request state is of no use to another person, for another call, or after ten minutes.',
		source: 'mcp 2026-07-28: basic/patterns/mrtr',
		proofs: [
			['test/e2e/protocol-raw-mrtr.test.ts', 'with the state of another person of the same workspace'],
			['test/e2e/protocol-raw-mrtr.test.ts', 'with other arguments'],
			['test/e2e/protocol-raw-mrtr.test.ts', 'with a state that is older than ten minutes'],
		],
	},
	{
		id: 'tasks-owner',
		promise: 'A task is unknown to everybody but the person who began it, whatever the server thinks.',
		source: 'extension io.modelcontextprotocol/tasks; docs/protocol.md: raw',
		proofs: [
			['test/e2e/protocol-raw-tasks.test.ts', 'is as unknown to %s as one that never was'],
			[
				'test/e2e/protocol-raw-tasks.test.ts',
				'leaves out what is not the caller’s, on the way there and on the way back',
			],
			['test/e2e/protocol-raw-tasks.test.ts', 'pass within a session of the server’s own, but for the list of them'],
		],
	},
	{
		id: 'names-stable',
		promise: 'Exposed names fit every model provider, and never change while the server’s own does not.',
		source: 'README.md: addresses',
		proofs: [
			['test/e2e/protocol-aggregate-names.test.ts', 'is unique at %s and one that every model provider takes'],
			['test/e2e/protocol-aggregate-names.test.ts', 'never changes while the name at the server does not'],
		],
	},
	{
		id: 'upstream-never-repeated',
		promise: 'A tools/call is never repeated by the gateway after bytes went out.',
		source: 'ARCHITECTURE.md: invariants',
		proofs: [
			['test/e2e/failure-http.test.ts', 'that is answered %s fails'],
			['test/e2e/failure-network.test.ts', 'during a call fails it once, and answers again when it is back'],
			['test/e2e/failure-network.test.ts', 'without repeating the call that found out'],
			['test/e2e/failure-stdio.test.ts', 'from outside fails every call it held within a second'],
		],
	},
	{
		id: 'upstream-no-redirect',
		promise: 'No redirect and no foreign endpoint is followed, since a credential is attached.',
		source: 'ARCHITECTURE.md: invariants',
		proofs: [
			['test/e2e/failure-http.test.ts', 'that is answered %i is not sent on'],
			['test/e2e/failure-network.test.ts', 'by naming the endpoint %j is not followed there'],
		],
	},
	{
		id: 'upstream-401',
		promise: 'A refused credential is a failure of the workspace and never a 401 to the caller.',
		source: 'docs/errors.md: PC_UPSTREAM_REFUSED',
		proofs: [['test/e2e/failure-http.test.ts', 'is a failure of the credential, not of the caller']],
	},
	{
		id: 'upstream-limits',
		promise: 'Every wait and every answer of a server has a limit: first byte, silence, total, event, line, result.',
		source: 'docs/config.md: limits.upstream',
		proofs: [
			['test/e2e/failure-http.test.ts', 'that is answered by a stream %s fails'],
			['test/e2e/failure-http.test.ts', 'whose answer is larger than the limit fails, and one below it does not'],
			['test/e2e/failure-stdio.test.ts', 'by silence is not waited for longer than the limit'],
			['test/e2e/failure-stdio.test.ts', 'by a line beyond the limit is ended'],
			['test/e2e/failure-network.test.ts', 'by a huge event loses its session'],
		],
	},
	{
		id: 'upstream-nothing-leaks',
		promise: 'No text of a server that failed reaches a caller.',
		source: 'docs/errors.md',
		proofs: [
			['test/e2e/failure-http.test.ts', 'is not shown when it fails before the first call'],
			['test/e2e/failure-stdio.test.ts', 'again and again is left alone for a while'],
			['test/tenancy/credentials.test.ts', 'names no cause when a server fails'],
		],
	},
	{
		id: 'upstream-misdirected',
		promise: 'An answer with the id of another is dropped and counted, and a second answer is not heard.',
		source: 'ARCHITECTURE.md: invariants',
		proofs: [
			['test/e2e/failure-http.test.ts', 'whose answer carries the id of another is dropped and counted'],
			['test/e2e/failure-http.test.ts', 'that is answered twice is answered once'],
			['test/e2e/failure-stdio.test.ts', 'by the id of another reaches nobody and is counted'],
		],
	},
	{
		id: 'upstream-hostile',
		promise: 'Whatever a server answers, its call fails with a code or is understood, and the gateway is unharmed.',
		source: 'SECURITY.md: what is not promised; docs/errors.md',
		proofs: [
			['test/e2e/failure-hostile.test.ts', 'a server that answers a call with > %s fails it'],
			['test/e2e/failure-hostile.test.ts', 'a server that answers a call with > %s is understood'],
			['test/e2e/failure-hostile.test.ts', 'headers of its own keeps them to itself'],
			['test/e2e/failure-hostile.test.ts', 'a server whose list > never ends is read so far and no further'],
		],
	},
	{
		id: 'upstream-contained',
		promise: 'A server that hangs or dies delays and fails nobody but its own callers.',
		source: 'SECURITY.md; docs/config.md: limits.upstream',
		proofs: [
			['test/e2e/failure-http.test.ts', 'that hangs does not delay the calls of others'],
			['test/e2e/failure-stdio.test.ts', 'by hanging as a whole delays nobody but its own callers'],
		],
	},
	{
		id: 'upstream-recovers',
		promise: 'A server that is back is used again by the next call, whatever its transport.',
		source: 'docs/errors.md: PC_UPSTREAM_*',
		proofs: [
			['test/e2e/failure-network.test.ts', 'during a call fails it once, and answers again when it is back'],
			['test/e2e/failure-network.test.ts', 'between calls is unreachable, and answers again when it is back'],
		],
	},
	{
		id: 'child-crash',
		promise: 'Calls held by a child that dies fail within a second, and the next call starts it anew.',
		source: 'docs/errors.md: PC_UPSTREAM_CRASHED',
		proofs: [
			['test/e2e/failure-stdio.test.ts', 'from outside fails every call it held within a second'],
			['test/e2e/failure-stdio.test.ts', 'of its own accord fails the call that killed it'],
		],
	},
	{
		id: 'child-back-off',
		promise: 'A child that keeps dying is started ever more rarely, and callers are told when to come back.',
		source: 'docs/errors.md: PC_UPSTREAM_STARTING',
		proofs: [['test/e2e/failure-stdio.test.ts', 'again and again is left alone for a while']],
	},
	{
		id: 'child-group',
		promise: 'A child ends with its whole process group, also when it would not.',
		source: 'ARCHITECTURE.md; docs/config.md',
		proofs: [
			['test/e2e/failure-stdio.test.ts', 'takes its own children with it'],
			['test/e2e/failure-stdio.test.ts', 'by refusing to end is ended'],
		],
	},
	{
		id: 'child-idle',
		promise: 'An idle child is stopped after its time and started anew when it is wanted.',
		source: 'docs/config.md: childIdleMs',
		proofs: [
			['test/e2e/operation-reload.test.ts', 'is ended after its time, and started anew for the next call'],
			['test/e2e/operation-reload.test.ts', 'is not idle while a call runs'],
		],
	},
	{
		id: 'lists-from-memory',
		promise: 'Lists are answered from memory, each for its own scope, and are new when a change was announced.',
		source: 'docs/protocol.md; docs/config.md: listAgeMs',
		proofs: [
			['test/e2e/protocol-aggregate-lists.test.ts', 'is answered from memory, to everybody and for every call'],
			['test/e2e/protocol-aggregate-lists.test.ts', 'at a server over %s shows in the list'],
			['src/upstream/catalog.test.ts', 'that has grown old is answered as it is, and read anew behind it'],
		],
	},
	{
		id: 'lists-of-ones-own',
		promise: 'A list is never cached for somebody else, nor for other capabilities.',
		source: 'SECURITY.md; ARCHITECTURE.md: invariants',
		proofs: [
			['test/tenancy/personal-servers.test.ts', 'shows each person the list of tools as that person made it'],
			['src/upstream/catalog.test.ts', 'is one of its kind and of the capabilities it was asked with'],
		],
	},
	{
		id: 'lists-without-the-dead',
		promise: 'A server that is down takes nobody’s tools away, delays no list, and the list says whose are missing.',
		source: 'docs/protocol.md',
		proofs: [
			['test/e2e/failure-network.test.ts', 'leaves its neighbours in the list'],
			['test/e2e/failure-network.test.ts', 'is not waited for by a list longer than the deadline'],
			['test/e2e/protocol-aggregate-lists.test.ts', 'keeps what the server said last, says so'],
		],
	},
	{
		id: 'lists-descriptions',
		promise:
			'A description of the workspace stands in place of the server’s, and nothing else of the definition changes.',
		source: 'docs/protocol.md: raw',
		proofs: [['test/e2e/protocol-tool-rules.test.ts', 'stands in place of the server’s']],
	},
	{
		id: 'lists-follow-configuration',
		promise: 'A changed configuration changes every list at once.',
		source: 'ARCHITECTURE.md',
		proofs: [
			['test/e2e/protocol-aggregate-lists.test.ts', 'changes the lists at once'],
			['test/e2e/operation-reload.test.ts', 'takes a removed server out of every list and address at once'],
		],
	},
	{
		id: 'changes-told',
		promise:
			'Changes of lists and watched resources reach callers of both eras, from servers of both, over every transport.',
		source: 'docs/protocol.md: changes; mcp 2026-07-28: basic/subscriptions; mcp 2025-11-25: server/resources',
		proofs: [
			['test/e2e/protocol-changes.test.ts', 'is acknowledged, hears of its lists and its resources'],
			['test/e2e/protocol-changes.test.ts', 'hears of changes on its stream, and of resources it subscribed to'],
			['test/e2e/protocol-changes-loss.test.ts', 'is started and asked again when it is a %s child'],
		],
	},
	{
		id: 'changes-of-ones-own',
		promise: 'Nobody hears of a change in another workspace, or of what another person watches.',
		source: 'docs/protocol.md: changes; SECURITY.md',
		proofs: [
			['test/e2e/protocol-changes-sharing.test.ts', 'hear nothing of each other'],
			['test/e2e/protocol-changes-sharing.test.ts', 'at %s hear each of their own'],
			['test/e2e/protocol-changes-sharing.test.ts', 'tells nobody of the changes of another'],
		],
	},
	{
		id: 'changes-bounded',
		promise: 'What callers watch is bounded, and is let go when they leave.',
		source: 'docs/protocol.md: changes',
		proofs: [
			['test/e2e/protocol-changes-sharing.test.ts', 'is asked once for each resource, until the last has gone'],
			['test/e2e/protocol-changes-sharing.test.ts', 'that a session watches is at most 1,000'],
			['src/upstream/client-subscriptions.test.ts', 'ends after an hour without use'],
		],
	},
	{
		id: 'cancellation',
		promise: 'Cancelling ends one’s own call at the server; leaving cancels in the modern era and not before it.',
		source: 'mcp 2026-07-28 and 2025-11-25: cancellation',
		proofs: [
			['test/e2e/protocol-bridge-calls.test.ts', 'cancels it at the server'],
			['test/e2e/protocol-raw-sessions.test.ts', 'is not what a hung-up connection means in this era'],
			['test/tenancy/cancellation.test.ts', 'ends only its own call'],
		],
	},
	{
		id: 'server-not-the-machine',
		promise: 'No configured server leads to a metadata service of the machine or another link-local address.',
		source: 'SECURITY.md',
		proofs: [
			['src/lib/egress/avoid-machine.test.ts', 'never leads to what the machine tells about itself'],
			['src/lib/egress/avoid-machine.test.ts', 'nor does a name that leads to'],
		],
	},
	{
		id: 'egress-guard',
		promise: 'An address that others name is reached only if it is public and https, or allowed by the operator.',
		source: 'docs/config.md: PORTCULLIS_EGRESS_ALLOW',
		proofs: [
			['test/e2e/egress.test.ts', 'reaches none of more than 250 spellings of addresses that are not public'],
			['test/e2e/egress.test.ts', 'asks for a name once, so a name server that changes its mind leads nowhere'],
			['test/e2e/egress.test.ts', 'follows no redirect, wherever it leads'],
		],
	},
	{
		id: 'openapi-servers',
		promise: 'mcpo and other services with an OpenAPI document are servers like any other.',
		source: 'docs/protocol.md: OpenAPI services',
		proofs: [
			['test/e2e/openapi-upstream.test.ts', 'has the tools that mcpo was given'],
			['test/e2e/openapi-upstream.test.ts', 'gives its results on as they were: $name'],
			[
				'test/e2e/openapi-upstream.test.ts',
				'is called with path, query, header and body, every number as it was written',
			],
			[
				'test/e2e/openapi-upstream.test.ts',
				'is called with the credential of each workspace, and never with the token of a caller',
			],
			[
				'test/e2e/openapi-upstream.test.ts',
				'keeps its tools while its document cannot be had, and has new ones afterwards',
			],
		],
	},
	{
		id: 'openapi-requests-stay',
		promise: 'Whatever its arguments are, a request to an OpenAPI service keeps to the template of its operation.',
		source: 'docs/protocol.md: OpenAPI services',
		proofs: [
			['src/upstream/openapi/render-request.test.ts', 'never leaves its template, whatever the arguments are'],
			['test/e2e/openapi-upstream.test.ts', 'lets nobody set its key, nor leave the address of an operation'],
			['test/e2e/openapi-upstream.test.ts', 'harms nobody else with its document: %s'],
		],
	},
];
