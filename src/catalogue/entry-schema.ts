import * as z from 'zod';
import { ENDPOINT } from './endpoint-schema.ts';
import { DAY, LINK, SENTENCE, WORD } from './field-schema.ts';

const ALIAS = z
	.strictObject({
		name: z.string().min(2).describe('Another name, a package or an address, as people write it.'),
		note: SENTENCE.exactOptional().describe(
			'What is to be said to whoever comes with it; left out for a name that is simply another one.',
		),
	})
	.describe('A name that leads here: another spelling, or one that is dead or wrong.');

/** One service of the catalogue: what `src/catalogue/entries/<id>.json` holds. */
export const ENTRY = z.strictObject({
	id: WORD.describe('Name in commands and of the file; never changes.'),
	name: z.string().min(2).max(60).describe('Name that people read.'),
	category: z.string().min(2).max(40).describe('One of a short list; search finds it.'),
	vendor: z.string().min(2).max(60).describe('Who makes the service.'),
	official: z.boolean().describe('Whether the recommended way to reach it is made by the vendor.'),
	description: SENTENCE.describe('What it gives to a model, in one sentence.'),
	docs: LINK.exactOptional().describe("The vendor's page about its server."),
	aliases: z.array(ALIAS).exactOptional().describe('Other names that lead here, with a sentence where one is needed.'),
	endpoints: z
		.array(ENDPOINT)
		.min(1)
		.describe('Ways to reach it, the best first; deprecated ones are kept to be recognised.'),
	confidence: z.enum(['high', 'medium', 'low']).describe('How sure the facts are.'),
	checked: z
		.strictObject({
			how: z
				.enum(['run', 'documents'])
				.describe('`run`: one of its packages was started; `documents`: only read about.'),
			at: DAY.describe('Day of the check.'),
			note: SENTENCE.exactOptional().describe('What else was found.'),
		})
		.describe('How and when it was verified.'),
});

/** One service, as its file says it. */
export type CatalogueEntry = z.output<typeof ENTRY>;
