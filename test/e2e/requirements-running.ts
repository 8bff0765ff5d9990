import type { Requirement } from './requirements.ts';

/** Running it: configuration, reload, start and stop, the command line, the code itself. */
export const RUNNING_REQUIREMENTS: readonly Requirement[] = [
	{
		id: 'config-all-faults',
		promise: 'Everything wrong with the file is told at once, by place and name, and never by value.',
		source: 'docs/config.md',
		proofs: [
			['src/config/config-faults.test.ts', 'all faults of all kinds are told at once'],
			['src/config/config-secrecy.test.ts', 'no fault shows a value'],
			['test/e2e/operation-cli.test.ts', 'ends with 0 for a good file and with 2 and every fault of a bad one'],
		],
	},
	{
		id: 'config-settings',
		promise: 'Every setting and key is documented with its default, and no other exists.',
		source: 'docs/config.md',
		proofs: [
			['src/config/docs.test.ts', 'names every key of the file and no other'],
			['src/config/docs.test.ts', 'has the row of $name as the table has it'],
		],
	},
	{
		id: 'config-no-door',
		promise: 'The file cannot choose what a program loads, put a secret into an argument, or turn tokens off.',
		source: 'SECURITY.md; docs/config.md: env',
		proofs: [
			['src/config/server-faults.test.ts', 'a child process is refused'],
			['src/config/config-faults.test.ts', 'directories are refused'],
		],
	},
	{
		id: 'config-masked',
		promise: 'The configuration in force can be shown without its secrets.',
		source: 'docs/config.md',
		proofs: [
			['test/e2e/operation-cli.test.ts', 'prints what is in force without a secret'],
			['src/config/print-config.test.ts', 'shows references in place of secrets'],
		],
	},
	{
		id: 'reload-in-flight',
		promise: 'A reload lets calls end where they began, whatever step they are at.',
		source: 'README.md; ARCHITECTURE.md',
		proofs: [
			['test/e2e/operation-reload.test.ts', 'lets calls in flight end where they began'],
			['test/e2e/operation-reload.test.ts', 'lets a call that waits for its child to start have its answer'],
			['test/e2e/operation-reload.test.ts', 'lets a call that waits for the list of its server have its answer'],
		],
	},
	{
		id: 'reload-revokes',
		promise: 'A removed server or grant is gone at once, for tokens that are still good and for open streams too.',
		source: 'ARCHITECTURE.md',
		proofs: [
			['test/e2e/operation-reload.test.ts', 'takes a removed or lowered grant at once'],
			['test/e2e/operation-reload.test.ts', 'ends open streams, so that a grant that has gone takes its streams along'],
			['test/tenancy/revocation.test.ts', 'ends when its person loses the workspace'],
		],
	},
	{
		id: 'reload-streams',
		promise: 'A swap ends the streams of everybody who can reach something that changed, and of nobody else.',
		source: 'docs/protocol.md: raw',
		proofs: [
			['test/e2e/operation-streams.test.ts', 'ends the streams of whoever is in it, and leaves those of others open'],
			['test/e2e/operation-streams.test.ts', 'ends the streams when a grant is %s, and nobody else’s'],
			['test/e2e/operation-streams.test.ts', 'ends every stream'],
			[
				'test/e2e/operation-streams.test.ts',
				'a stream whose body is still on its way when its grant goes is not opened',
			],
		],
	},
	{
		id: 'reload-rules',
		promise: 'A changed rule holds at the next list and call, and ends no session and no child process.',
		source: 'docs/config.md: a file',
		proofs: [
			['test/e2e/operation-reload.test.ts', 'of a rule holds for the next list and call'],
			[
				'test/e2e/operation-reload.test.ts',
				'of a rule leaves the sessions that clients have with a server as they are',
			],
		],
	},
	{
		id: 'server-states',
		promise: 'What is known of a server is the last thing that was tried, in words of the gateway alone.',
		source: 'ARCHITECTURE.md: where is it?',
		proofs: [
			['test/e2e/operation-states.test.ts', 'follows the calls, and holds nothing that the server said'],
			['src/upstream/server-states.test.ts', 'is of one definition'],
		],
	},
	{
		id: 'reload-secret',
		promise: 'A changed server or secret is used from the next call on, and its former state never again.',
		source: 'docs/config.md: secrets',
		proofs: [
			['test/e2e/operation-reload.test.ts', 'starts a changed server anew and leaves the others alone'],
			['test/e2e/operation-reload.test.ts', 'uses a changed secret from the next call on'],
		],
	},
	{
		id: 'reload-faulty',
		promise: 'A faulty file is taken not at all, and everything wrong with it is logged.',
		source: 'docs/config.md',
		proofs: [
			['test/e2e/operation-reload.test.ts', 'of a faulty file changes nothing'],
			['test/e2e/operation-cli.test.ts', 'follows its file and says what it did, or everything that keeps it'],
		],
	},
	{
		id: 'start-or-say-why',
		promise: 'A gateway that cannot start says why in a sentence and ends with a code that tells the kind.',
		source: 'ARCHITECTURE.md; docs/config.md',
		proofs: [
			['test/e2e/operation-cli.test.ts', 'ends with 1 and a sentence when its %s is taken'],
			['test/e2e/operation-cli.test.ts', 'ends with 1 and a sentence when it cannot keep an audit'],
			['test/e2e/operation-cli.test.ts', 'ends with 2 for settings and options it does not understand'],
		],
	},
	{
		id: 'stop-drains',
		promise: 'On SIGTERM calls finish, endless streams end, new calls get 503, nothing is left, and the code is 0.',
		source: 'ARCHITECTURE.md: where is it?',
		proofs: [
			['test/e2e/operation-stop.test.ts', 'ends ten open streams, lets slow calls finish, takes no new ones'],
			['test/e2e/operation-stop.test.ts', 'refuses a call that was half sent when it was told'],
		],
	},
	{
		id: 'stop-bounded',
		promise: 'Stopping takes no longer than drainMs, and a second signal ends everything at once.',
		source: 'docs/config.md: drainMs',
		proofs: [
			['test/e2e/operation-stop.test.ts', 'waits no longer than it was told to'],
			['test/e2e/operation-stop.test.ts', 'twice ends at once, and its children with it'],
			['test/e2e/operation-stop.test.ts', 'ends children that would not go, and theirs'],
		],
	},
	{
		id: 'killed-leaves-no-child',
		promise: 'A gateway that is killed leaves no child behind (Linux).',
		source: 'ARCHITECTURE.md',
		proofs: [['test/e2e/operation-stop.test.ts', 'leaves no child, and the intent of the call']],
	},
	{
		id: 'operator-listener',
		promise: 'Health, readiness and metrics are on a second listener and on no other.',
		source: 'README.md',
		proofs: [
			['test/e2e/operation-cli.test.ts', 'answers health, readiness and metrics on a second port'],
			['src/observe/metrics.test.ts', 'by nothing that a caller could choose'],
		],
	},
	{
		id: 'explain',
		promise: 'explain says for every reason why somebody may or may not use a tool, by the function that decides.',
		source: 'README.md',
		proofs: [
			['test/e2e/operation-explain.test.ts', 'tells %s about %s: exit code %i and the reasons'],
			['test/e2e/operation-explain.test.ts', 'says who the person is and which rules give them what'],
		],
	},
	{
		id: 'demo-token',
		promise: 'Tokens are given out for people of the demo directory alone.',
		source: 'README.md',
		proofs: [['test/e2e/operation-cli.test.ts', 'is there for people of the demo directory, and for nobody else']],
	},
	{
		id: 'code-direction',
		promise: 'Imports go down the layers, one place starts programs, reads secrets, and reads the environment.',
		source: 'ARCHITECTURE.md',
		proofs: [
			['test/arch/imports.test.ts', 'go down the layers, and between stages carry only types'],
			['test/arch/sizes.test.ts', 'src > has small functions'],
		],
	},
];
