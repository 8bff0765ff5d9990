import type { Requirement } from './requirements.ts';

/** What `portcullis bridge` promises. */
export const BRIDGE_REQUIREMENTS: readonly Requirement[] = [
	{
		id: 'import-secrets',
		promise: 'What an imported configuration holds of secrets goes into the credential store, and is shown to nobody.',
		source: 'docs/cli.md: coming from mcpo or a client',
		proofs: [
			['test/e2e/cli-import.test.ts', 'puts secrets into the credential store, where the operator runs it'],
			[
				'test/e2e/cli-import.test.ts',
				'does so over the network for administrators too, but takes no program from them',
			],
			['test/e2e/cli-import.test.ts', 'shows no secret'],
		],
	},
	{
		id: 'bridge-contract',
		promise: 'A bridge takes the flags and the file of mcpo, and has its addresses, documents and answers.',
		source: 'docs/bridge.md; mcpo 0.0.20',
		proofs: [
			[
				'test/e2e/bridge-mcpo.test.ts',
				'moves from mcpo to a bridge and to a workspace without a difference in its documents',
			],
			['test/e2e/bridge-mcpo.test.ts', 'has the same documents and answers as the bridge and the workspace'],
			['test/e2e/bridge-mcpo.test.ts', 'has its document to the letter where the bridge is strict'],
			['test/e2e/bridge-mcpo.test.ts', 'has the same list of servers'],
			['test/e2e/bridge.test.ts', 'has it at the root, and answers with the status of mcpo'],
			['test/e2e/bridge.test.ts', 'serves each below its name, over whatever it is reached'],
			['src/bridge/read-servers.test.ts', 'is faulted in the words of mcpo'],
			['src/cli/bridge-settings.test.ts', 'knows the type'],
		],
	},
	{
		id: 'bridge-key',
		promise:
			'A bridge judges its key as mcpo does; MCP addresses always want it, and it shows in no list of processes.',
		source: 'docs/bridge.md: the key',
		proofs: [
			['test/e2e/bridge-auth.test.ts', 'is judged as by mcpo, or better'],
			['test/e2e/bridge-auth.test.ts', 'is wanted at every MCP address, also by whoever may read documents'],
			['test/e2e/bridge-auth.test.ts', 'is taken from a %s, and shows in no list of processes'],
			['test/e2e/bridge-auth.test.ts', 'is not among the variables of the programs'],
		],
	},
	{
		id: 'bridge-open',
		promise:
			'Only a bridge can be without a key; then it listens for its machine alone and answers no page and no name of others.',
		source: 'docs/bridge.md: the key; ARCHITECTURE.md: invariants',
		proofs: [
			['test/arch/bridge.test.ts', 'is known to its own command alone'],
			['test/e2e/bridge-auth.test.ts', 'lets everybody call, says so, and listens for this machine alone unless told'],
			['test/e2e/bridge-auth.test.ts', 'is not reached under a name that somebody may own'],
			['test/e2e/bridge-auth.test.ts', 'answers no page unless it is named'],
			['test/e2e/bridge-auth.test.ts', 'may ask a bridge with a key, and never with what its browser keeps'],
		],
	},
	{
		id: 'bridge-reload',
		promise:
			'What the file of a bridge names no more answers no more and its program ends; a faulty file changes nothing.',
		source: 'docs/bridge.md: the file',
		proofs: [
			['test/e2e/bridge-reload.test.ts', 'ends what it names no more, replaces what it names otherwise'],
			['test/e2e/bridge-reload.test.ts', 'takes a tool away at once'],
			['test/e2e/bridge-reload.test.ts', 'changes nothing when it is faulty, and says why'],
			['test/e2e/bridge-reload.test.ts', 'serves nothing any more when it comes to name nothing'],
			['test/e2e/bridge-reload.test.ts', 'is seen behind links that are swapped, as Kubernetes does it'],
		],
	},
	{
		id: 'bridge-upstream',
		promise: 'A bridge is a server of a workspace over Streamable HTTP, with its key as the credential.',
		source: 'docs/bridge.md: behind a gateway',
		proofs: [
			['test/e2e/bridge.test.ts', 'lists and calls its servers over Streamable HTTP, with the key of its workspace'],
			['test/e2e/bridge.test.ts', 'serves it to MCP clients'],
		],
	},
];
