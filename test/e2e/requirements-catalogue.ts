import type { Requirement } from './requirements.ts';

/** What the catalogue of third-party services promises. */
export const CATALOGUE_REQUIREMENTS: readonly Requirement[] = [
	{
		id: 'catalogue-sound',
		promise:
			'Every service of the catalogue is checked: one exact version, no secret, no plain address, every name declared.',
		source: 'docs/catalogue-format.md',
		proofs: [
			['src/catalogue/catalogue.test.ts', 'the catalogue > has no fault'],
			['src/catalogue/catalogue.test.ts', 'the checks of the catalogue > judge %s: %j'],
			['src/catalogue/catalogue.test.ts', 'the catalogue > has every service of the seeds'],
		],
	},
	{
		id: 'runtime-installed-ahead',
		promise:
			'A program of the catalogue runs only if the operator has installed it, at its exact version and without install scripts, and only while it is as it was installed.',
		source: 'docs/runtime.md',
		proofs: [
			['test/e2e/runtime-install.test.ts', 'lies in a folder of its own with its digest, runs no script'],
			['test/e2e/runtime-install.test.ts', 'is not started, and the check says so'],
			['test/e2e/runtime-install.test.ts', 'that was killed leaves nothing that could be used'],
			['test/e2e/runtime-install.test.ts', 'gets a secret argument without showing it in the list of processes'],
			['test/e2e/admin-catalogue-servers.test.ts', 'is no server for an administrator, and nothing is fetched for it'],
		],
	},
	{
		id: 'runtime-nobody-chooses',
		promise:
			'Over the network nobody chooses a program, its arguments, its variables or a path outside of the workspace.',
		source: 'docs/runtime.md; SECURITY.md',
		proofs: [
			['test/e2e/admin-catalogue-servers.test.ts', 'not by a new server with %s'],
			['test/e2e/admin-catalogue-servers.test.ts', 'not by changing of a service %s'],
			['test/e2e/admin-catalogue-servers.test.ts', 'and not elsewhere: %j'],
			['test/e2e/admin-catalogue-servers.test.ts', 'nor behind a link that leads out'],
			['test/e2e/admin-catalogue-servers.test.ts', 'in a home of its own'],
		],
	},
	{
		id: 'stdio-manners',
		promise: 'Servers that log to stdout, list megabytes in a line, start slowly or need their backend are dealt with.',
		source: 'docs/runtime.md: how programs misbehave',
		proofs: [
			['test/e2e/stdio-manners.test.ts', 'is understood all the same, in whatever form it logs'],
			['test/e2e/stdio-manners.test.ts', 'of more than two megabytes in one line is passed on'],
			['test/e2e/stdio-manners.test.ts', 'has a limit of its own, longer than that of calls'],
			['test/e2e/stdio-manners.test.ts', 'is left alone between tries, however many ask'],
		],
	},
	{
		id: 'catalogue-add',
		promise: 'A service of the catalogue is added with one command, which says what is missing and where to get it.',
		source: 'docs/cli.md: the catalogue',
		proofs: [
			[
				'test/e2e/cli-catalogue-add.test.ts',
				'makes a server that people sign in at themselves, and says what is left to do',
			],
			[
				'test/e2e/cli-catalogue-add.test.ts',
				'keeps what a workspace signs in with, each its own, and shows it to nobody',
			],
			['test/e2e/cli-catalogue-add.test.ts', 'says what is missing, where to get it, and what it does not know'],
			['test/e2e/cli-catalogue-add.test.ts', 'is one that the program takes'],
		],
	},
	{
		id: 'catalogue-dead-names',
		promise:
			'A dead or wrong name of a service, an address or a package leads to what to use instead, with a sentence.',
		source: 'docs/catalogue.md: dead, wrong and old names',
		proofs: [
			['src/catalogue/search-entries.test.ts', '%s leads to %s with a sentence'],
			[
				'src/catalogue/search-entries.test.ts',
				'knows every deprecated address and package, and says something of each',
			],
		],
	},
	{
		id: 'catalogue-values',
		promise: 'No value that somebody gives for an address of the catalogue sends a secret to another host or path.',
		source: 'docs/catalogue-format.md: values never choose where a secret goes',
		proofs: [['src/catalogue/endpoints.test.ts', 'refuses in %s: %j']],
	},
	{
		id: 'catalogue-read',
		promise:
			'The catalogue can be read with no gateway and no network, and over the network by whoever administrates a workspace.',
		source: 'docs/cli.md: the catalogue; docs/api.md: what there is',
		proofs: [
			['test/e2e/catalogue.test.ts', 'is read by the built program with nothing else on the machine'],
			['test/e2e/catalogue.test.ts', 'is for administrators of any workspace, and for nobody else'],
		],
	},
];
