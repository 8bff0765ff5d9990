import { existsSync, readFileSync } from 'node:fs';
import * as z from 'zod';

/** One program of the catalogue that was installed, started and asked through the gateway. */
export const CATALOGUE_RUN = z.strictObject({
	service: z.string().describe('Id of the service.'),
	endpoint: z.string().exactOptional().describe('Key of the endpoint.'),
	package: z.string(),
	version: z.string(),
	node: z.string().describe('Version of Node that ran it.'),
	tools: z.int().min(0).exactOptional(),
	startMs: z.int().min(0).exactOptional().describe('From the start until it listed its tools.'),
	memoryMb: z.int().min(0).exactOptional(),
	result: z.enum(['passed', 'failed', 'skipped']),
	note: z
		.string()
		.exactOptional()
		.describe('Why it failed or was skipped; a sentence without addresses, paths and secrets.'),
});

/** One line of `docs/catalogue-runs.json`. */
export type CatalogueRun = z.output<typeof CATALOGUE_RUN>;

/** Where runs are kept. */
export const RUNS_FILE = new URL('../../docs/catalogue-runs.json', import.meta.url);

/** The runs that are kept; none where there is no file. */
export function readRuns(): readonly CatalogueRun[] {
	return existsSync(RUNS_FILE) ? z.array(CATALOGUE_RUN).parse(JSON.parse(readFileSync(RUNS_FILE, 'utf8'))) : [];
}
