import * as z from 'zod';
import { ENTRY } from '../catalogue/entry-schema.ts';
import { SIGN_IN_KINDS } from '../catalogue/field-schema.ts';
import { filterEntries } from '../catalogue/filter-entries.ts';
import { findEntry } from '../catalogue/find-entry.ts';
import { createCatalogue } from '../catalogue/load-catalogue.ts';
import { searchEntries } from '../catalogue/search-entries.ts';
import { summaryOf } from '../catalogue/summary-of.ts';
import { PortcullisError } from '../errors/portcullis-error.ts';
import { plainText } from './plain-text.ts';
import { defineRoute, type Route } from './route.ts';

const SUMMARY = z
	.strictObject({
		id: z.string(),
		name: z.string(),
		category: z.string(),
		vendor: z.string(),
		official: z.boolean(),
		description: z.string(),
		transports: z.array(z.enum(['http', 'sse', 'stdio'])).describe('Of the ways that are not deprecated.'),
		auth: z.array(z.enum(SIGN_IN_KINDS)).describe('Ways to sign in, the recommended one first.'),
		ownClient: z.boolean().describe('The vendor lets in only clients that it approved: bring your own.'),
	})
	.meta({ id: 'CatalogueSummary' });

const ASKED = z.strictObject({
	note: z
		.string()
		.exactOptional()
		.describe('What is dead or wrong about the name that was asked for, and what to use.'),
	endpoint: z.string().exactOptional().describe('Key of the endpoint that was meant, by its address or package.'),
});

const SERVICE = z
	.strictObject({ ...ENTRY.shape, asked: ASKED.exactOptional() })
	.meta({ id: 'CatalogueEntry', description: 'As docs/catalogue-format.md describes.' });

/** The third-party services that the gateway knows; the same for everybody, and nothing of any workspace. */
export function createCatalogueRoutes(): readonly Route[] {
	const catalogue = createCatalogue();
	return [
		defineRoute({
			id: 'listCatalogue',
			method: 'GET',
			path: '/catalogue',
			summary: 'Third-party services that the gateway knows, all at once; with `q` the best fitting first',
			authorize: 'administrator',
			query: {
				q: plainText(200).optional(),
				category: plainText(60).optional(),
				transport: z.enum(['http', 'sse', 'stdio']).optional(),
				auth: z.enum(SIGN_IN_KINDS).optional(),
			},
			responses: { 200: z.strictObject({ items: z.array(SUMMARY) }).meta({ id: 'CatalogueList' }) },
			handle({ query: { q, ...wanted } }) {
				const found = q === undefined ? catalogue.all() : searchEntries(catalogue.all(), q);
				return { status: 200, body: { items: filterEntries(found, wanted).map(summaryOf) } };
			},
		}),
		defineRoute({
			id: 'readCatalogueEntry',
			method: 'GET',
			path: '/catalogue/:service',
			summary: 'One service: by its id, another name, an address of it or a package, percent-encoded',
			authorize: 'administrator',
			params: { service: plainText(512) },
			responses: { 200: SERVICE },
			handle({ params: { service } }) {
				const exact = catalogue.entry(service);
				if (exact !== undefined) return { status: 200, body: exact };
				const found = findEntry(catalogue.all(), service);
				if (found.kind !== 'entry') throw new PortcullisError('PC_NOT_FOUND');
				const { entry, note, endpoint } = found;
				const asked = {
					...(note !== undefined && { note }),
					...(endpoint !== undefined && { endpoint: endpoint.key }),
				};
				return { status: 200, body: { ...entry, asked } };
			},
		}),
	];
}
