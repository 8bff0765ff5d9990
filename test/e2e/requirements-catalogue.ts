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
