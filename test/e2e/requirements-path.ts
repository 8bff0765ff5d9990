import type { Requirement } from './requirements.ts';

/** The path of a call up to the decision: audit, identity, edge, policy, isolation, errors. */
export const PATH_REQUIREMENTS: readonly Requirement[] = [
	{
		id: 'audit-intent-first',
		promise: 'Nothing goes upstream before its intent is in the audit.',
		source: 'ARCHITECTURE.md: invariants; docs/audit.md',
		proofs: [
			['test/e2e/audit.test.ts', 'says what is about to happen before the server hears of it'],
			['test/e2e/operation-stop.test.ts', 'the intent of the call it took with it is in the audit'],
		],
	},
	{
		id: 'audit-outcome-before-answer',
		promise: 'Nobody is answered before the outcome is in the audit; for a stream, its last event.',
		source: 'ARCHITECTURE.md: invariants; docs/audit.md',
		proofs: [
			['test/e2e/audit.test.ts', 'is complete before the first byte of an answer leaves'],
			['test/e2e/audit.test.ts', 'is complete before the last event of a stream leaves'],
		],
	},
	{
		id: 'audit-refusals',
		promise: 'Refusals are in the audit, with how far the call came and the reasons.',
		source: 'ARCHITECTURE.md: the path of a call',
		proofs: [
			['test/e2e/audit.test.ts', 'has every refusal, with how far it came and why'],
			['test/e2e/audit-workspaces.test.ts', '%s by the administrators of the workspace, and by nobody else'],
			['test/e2e/audit-workspaces.test.ts', '%s by the platform alone, which is told why'],
			['test/e2e/identity.test.ts', 'is answered 401 %s %s, with the way to sign in'],
		],
	},
	{
		id: 'audit-abandoned',
		promise: 'Calls whose caller left, streamed or not, are in the audit with how they ended.',
		source: 'docs/audit.md',
		proofs: [
			['test/e2e/audit.test.ts', 'the audit of a caller that leaves > says that a modern call was cancelled'],
			['test/e2e/audit.test.ts', 'the audit of a caller that leaves > says how a legacy call ended all the same'],
			['test/e2e/audit.test.ts', 'the audit of a caller that leaves > says that a streamed modern call was cut'],
		],
	},
	{
		id: 'audit-batch',
		promise: 'Each message of a batch is judged, recorded and answered by itself.',
		source: 'mcp 2025-03-26: basic, batching; docs/audit.md',
		proofs: [
			['test/e2e/audit.test.ts', 'has each message of a batch by itself'],
			['test/e2e/audit.test.ts', 'and each its answer, also when the first is refused'],
		],
	},
	{
		id: 'audit-no-content',
		promise: 'The audit holds no arguments, results, tokens, secrets or texts of servers.',
		source: 'docs/audit.md; ARCHITECTURE.md: invariants',
		proofs: [
			['test/e2e/audit.test.ts', 'has no argument, result, token, secret or sentence of a server in it'],
			['test/e2e/audit.test.ts', 'cannot be flooded by a method name'],
		],
	},
	{
		id: 'audit-fail-closed',
		promise: 'A call whose record cannot be kept is refused with 503 and nothing is executed.',
		source: 'docs/audit.md',
		proofs: [
			['test/e2e/audit-lost.test.ts', 'stops every call before the server hears of it'],
			['test/e2e/audit-lost.test.ts', 'stops what the gateway answers by itself'],
		],
	},
	{
		id: 'audit-outcome-lost',
		promise: 'A call that was executed but not recorded says so, and its answer is withheld.',
		source: 'docs/audit.md',
		proofs: [
			['test/e2e/audit-lost.test.ts', 'that it was carried out and not recorded'],
			['test/e2e/audit-lost.test.ts', 'during a streamed call says so in place of the answer'],
		],
	},
	{
		id: 'audit-crash',
		promise: 'A kept record survives kill -9; each intent of a process that died has one outcome after the next start.',
		source: 'docs/audit.md: the spool; docs/adr/0006',
		proofs: [
			['test/e2e/audit-crash.test.ts', 'loses no record it had acknowledged, and every intent has exactly one outcome'],
			['test/e2e/audit-small-disk.test.ts', 'leaves exactly the records that were told to be kept, and no half line'],
			[
				'test/e2e/audit-small-disk.test.ts',
				'holds back every record until the calls of the former process can be told',
			],
		],
	},
	{
		id: 'audit-rotation',
		promise: 'A rotation loses no line, and one that fails keeps the old file.',
		source: 'docs/audit.md',
		proofs: [
			['test/e2e/audit-lost.test.ts', 'loses no line'],
			['test/e2e/audit-lost.test.ts', 'goes on where it was when it cannot be opened anew'],
		],
	},
	{
		id: 'identity-every-call',
		promise: 'No call goes ahead without a token that is valid in every respect, and each fault has a code.',
		source: 'SECURITY.md; RFC 8725; RFC 6750 §3.1',
		proofs: [
			['test/e2e/identity.test.ts', 'comes with every code of the table that a token can cause'],
			['test/e2e/identity.test.ts', 'is answered 401 %s %s, with the way to sign in'],
			['test/e2e/identity.test.ts', 'reaches no server'],
		],
	},
	{
		id: 'identity-discovery',
		promise: 'A 401 names a metadata document, and it is the same whether a workspace exists or not.',
		source: 'RFC 9728 §3, §5.1',
		proofs: [
			['test/e2e/identity.test.ts', 'is the same for workspaces that exist and those that do not'],
			['test/e2e/identity.test.ts', 'names that address in challenges and documents, whatever the Host header says'],
		],
	},
	{
		id: 'identity-claims-only',
		promise: 'The workspaces of a person come from groups and roles of verified tokens, never from anything else.',
		source: 'ARCHITECTURE.md: invariants',
		proofs: [
			['test/e2e/identity.test.ts', 'never come from a name, an e-mail address or an invented claim'],
			['test/e2e/identity.test.ts', 'come from app roles as from groups'],
			['test/e2e/edge-headers.test.ts', 'cannot be spoken for by headers of a proxy'],
		],
	},
	{
		id: 'identity-groups-go',
		promise: 'A group that is gone takes its workspace along; a * rule gives all workspaces, future ones too.',
		source: 'docs/config.md: grants',
		proofs: [
			['test/e2e/identity.test.ts', 'are those of their groups, and go with the group'],
			['test/e2e/identity.test.ts', 'are all of them under a * rule, those of tomorrow too'],
		],
	},
	{
		id: 'identity-overage',
		promise: 'A token that says its list of groups was too long is refused, not read as having none.',
		source: 'SECURITY.md',
		proofs: [['src/identity/grants-of.test.ts', 'refuse the token when a rule asks for a group']],
	},
	{
		id: 'identity-outage',
		promise: 'While a directory is down, whose key is known keeps working; others get 503, not a verdict.',
		source: 'docs/errors.md: PC_DIRECTORY_UNAVAILABLE',
		proofs: [
			['test/e2e/identity.test.ts', 'keeps nobody out whose key is known'],
			['test/e2e/identity.test.ts', 'from the start is a passing failure that says when to come back'],
			['src/identity/jwks-cache.test.ts', 'never replaces the last good set'],
		],
	},
	{
		id: 'edge-one-token',
		promise: 'One Authorization header is the only place for a token.',
		source: 'RFC 6750 §2; SECURITY.md',
		proofs: [
			['test/e2e/edge-headers.test.ts', 'may not stand twice'],
			['test/e2e/edge-headers.test.ts', 'is the only place for a token'],
		],
	},
	{
		id: 'edge-names',
		promise: 'Foreign Host and Origin values are refused, each by itself, against DNS rebinding.',
		source: 'mcp 2025-11-25: basic/transports, security warning',
		proofs: [
			['test/e2e/edge-headers.test.ts', 'the Host header > may not be "%s"'],
			['test/e2e/edge-headers.test.ts', 'the Origin header > may not be "%s"'],
			['test/e2e/edge-headers.test.ts', 'is checked by itself'],
			['test/e2e/edge-headers.test.ts', 'cannot be replaced by an address in the request line'],
		],
	},
	{
		id: 'edge-cors',
		promise: 'Only pages of configured origins may read answers, and never with cookies.',
		source: 'docs/config.md: origins',
		proofs: [
			['test/e2e/edge-headers.test.ts', 'on the list learns what it may send, and reads the answer'],
			['test/e2e/edge-headers.test.ts', 'not on the list is told nothing'],
		],
	},
	{
		id: 'edge-body-limit',
		promise: 'A body is limited to the byte, announced or in chunks, and never decoded.',
		source: 'docs/config.md: limits',
		proofs: [
			['test/e2e/edge-body.test.ts', 'with a Content-Length is answered'],
			['test/e2e/edge-body.test.ts', 'in chunks is answered'],
			['test/e2e/edge-body.test.ts', 'may not be encoded as'],
			['test/e2e/edge-body.test.ts', 'is never in doubt: two lengths'],
		],
	},
	{
		id: 'edge-media-type',
		promise: 'Only JSON in UTF-8 is read; what a form or a simple request of a page can send is refused.',
		source: 'SECURITY.md',
		proofs: [
			['test/e2e/edge-body.test.ts', 'the kind of a body > may not be "%s"'],
			['test/e2e/edge-json.test.ts', 'a body that is not one JSON-RPC message > is refused %s'],
		],
	},
	{
		id: 'edge-json-bounds',
		promise: 'JSON is limited in depth and in values.',
		source: 'docs/config.md: limits',
		proofs: [
			['test/e2e/edge-json.test.ts', 'nested %i deep is answered'],
			['test/e2e/edge-json.test.ts', 'with %i values is answered'],
			['test/e2e/edge-json.test.ts', 'refuses a hundred thousand brackets'],
		],
	},
	{
		id: 'edge-json-unambiguous',
		promise: 'JSON that two parsers could read differently is refused before anything is decided.',
		source: 'RFC 8259 §4; SECURITY.md',
		proofs: [['test/e2e/edge-json.test.ts', 'a member name that could be read two ways > %s is refused']],
	},
	{
		id: 'edge-ids',
		promise: 'Ids come back as they were spelled; those that cannot are refused.',
		source: 'JSON-RPC 2.0 §4; mcp: basic, requests',
		proofs: [
			['test/e2e/edge-json.test.ts', 'an id > of %s comes back as it was spelled'],
			['test/e2e/edge-json.test.ts', 'an id > of %s is refused'],
		],
	},
	{
		id: 'edge-addresses',
		promise: 'Both slash forms of an address answer, nothing is decoded, and nothing is ever redirected.',
		source: 'README.md: addresses',
		proofs: [
			['test/e2e/edge-addresses.test.ts', 'an address > answers as %s'],
			['test/e2e/edge-addresses.test.ts', 'is unknown, and never a redirect'],
			['src/edge/parse-address.test.ts', 'takes one text for one address'],
		],
	},
	{
		id: 'edge-no-harm',
		promise: 'No request makes the gateway crash, hang, or answer with an internal error.',
		source: 'SECURITY.md',
		proofs: [
			['test/e2e/edge-fuzz.test.ts', '1,500 mutated bodies over kept-alive connections'],
			['test/e2e/edge-fuzz.test.ts', '500 mutated requests from the first byte to the last'],
			['test/e2e/edge-fuzz.test.ts', 'is hung up on after ten seconds'],
			['test/e2e/edge-headers.test.ts', 'strange headers > do no harm'],
		],
	},
	{
		id: 'errors-table',
		promise: 'Every refusal has a stable code, one sentence and the request id; docs/errors.md has them all.',
		source: 'docs/errors.md',
		proofs: [
			['test/arch/errors-doc.test.ts', 'has every row of the table of errors as it is'],
			['src/edge/refusal.test.ts', 'renders %s as the table has it, and nothing of its cause'],
		],
	},
	{
		id: 'policy-list-is-callable',
		promise: 'The tools listed are exactly the tools callable, at every address, level and era.',
		source: 'ARCHITECTURE.md: invariants',
		proofs: [
			['test/tenancy/list-is-callable.test.ts', 'names exactly the tools that can be called'],
			['test/tenancy/list-is-callable.test.ts', 'is reached under no other spelling of its name'],
		],
	},
	{
		id: 'policy-levels',
		promise: 'Read reaches read-only and marked tools, write all enabled ones, and rules can narrow both.',
		source: 'docs/config.md: tools',
		proofs: [
			['src/policy/decide.test.ts', 'allows a higher level whatever it allows a lower one'],
			['test/tenancy/matrix.test.ts', 'has every level, and every way in which a rule changes who may call a tool'],
			['test/e2e/identity.test.ts', 'carry the strongest level that a rule gives'],
		],
	},
	{
		id: 'identity-members',
		promise: 'A membership is of one identity, adds to what rules give, and goes at once.',
		source: 'docs/config.md: workspaces.*.members[]',
		proofs: [
			['test/e2e/operation-reload.test.ts', 'opens a workspace to a member, says so in the audit'],
			['src/identity/grants-of.test.ts', 'gives its workspace to the one identity it names'],
			['src/identity/grants-of.test.ts', 'gives what looking at every workspace and every rule gives'],
		],
	},
	{
		id: 'policy-pinned',
		promise: 'A tool that is pinned is neither listed nor callable while its server defines it otherwise.',
		source: 'docs/config.md: workspaces.*.servers.*.tools.rules.*',
		proofs: [
			['test/e2e/protocol-tool-rules.test.ts', 'is listed and callable while its definition is the same'],
			['src/policy/decide.test.ts', 'that is pinned is refused to everybody while its definition is another'],
		],
	},
	{
		id: 'policy-toolset',
		promise: 'At the address of a toolset its tools are there, and nothing else is, listed or called.',
		source: 'docs/protocol.md: toolsets',
		proofs: [
			['test/e2e/protocol-toolsets.test.ts', 'finds its tools under the names of the workspace, and no others'],
			['test/e2e/protocol-toolsets.test.ts', 'calls those and no others'],
			['test/e2e/protocol-toolsets.test.ts', 'finds neither prompts nor resources'],
			['test/e2e/protocol-toolsets.test.ts', 'looks like any other that does not'],
		],
	},
	{
		id: 'isolation-lookalike',
		promise: 'What is forbidden answers exactly like what does not exist.',
		source: 'ARCHITECTURE.md; SECURITY.md',
		proofs: [
			['test/tenancy/lookalike.test.ts', 'looks like %s to a stranger > on every method of MCP'],
			['test/e2e/edge-addresses.test.ts', 'of a workspace that exists looks like one that does not'],
		],
	},
	{
		id: 'isolation-matrix',
		promise: 'Each kind of caller can do to each workspace what the matrix says, and nothing else.',
		source: 'SECURITY.md',
		proofs: [
			['test/tenancy/matrix.test.ts', 'has seen nothing refused arrive anywhere'],
			['test/tenancy/matrix.test.ts', 'reports every row as wrong when the expectation is turned round'],
		],
	},
	{
		id: 'isolation-interleaving',
		promise: 'Answers never meet callers they do not belong to, however calls and ids are interleaved.',
		source: 'ARCHITECTURE.md: invariants',
		proofs: [
			['test/tenancy/interleaving.test.ts', 'deliver to each only what is its own'],
			['test/tenancy/crowd.test.ts', 'deliver to each only what is its own'],
			['test/tenancy/crowd-planted.test.ts', 'finds out one %s'],
			['test/tenancy/cancellation.test.ts', 'ends only its own call'],
		],
	},
	{
		id: 'abandoned-leaves-nothing',
		promise: 'No listener, timer, stream, session or parked call outlives the caller it was there for.',
		source: 'ARCHITECTURE.md: invariants',
		proofs: [
			['test/tenancy/abandoned.test.ts', 'leave no upstream session behind'],
			['test/tenancy/abandoned.test.ts', 'leave no socket, pipe, child or timer behind'],
			['test/tenancy/abandoned.test.ts', 'leave nothing on the heap'],
		],
	},
	{
		id: 'isolation-personal',
		promise: 'A server isolated by principal has a process or session of its own for each person.',
		source: 'docs/config.md: isolation',
		proofs: [
			['test/tenancy/personal-servers.test.ts', 'remembers for each person what only that person said'],
			['test/tenancy/personal-servers.test.ts', 'dies for its person alone'],
		],
	},
];
