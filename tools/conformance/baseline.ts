import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';

const FOLDER = path.join(import.meta.dirname, 'baseline');

/** A failure that is known, and why it stands. */
export interface ExpectedFailure {
	readonly scenario: string;
	/** The one check of the scenario that fails; absent when all of it may. */
	readonly check?: string;
	readonly reason: string;
}

/** Everything a pair is expected to fail. */
export type Baseline = readonly ExpectedFailure[];

/** The failures of one pair; `scenarios` are `scenario` or `scenario:check`, as the official tool writes them. */
const FILE = z.array(
	z.strictObject({
		reason: z.string().min(1),
		scenarios: z.array(z.string().regex(/^[^\s:]+(?::\S+)?$/)).min(1),
		/** Suite the entry is about; absent when it is about all that the pair runs. */
		suite: z.string().optional(),
	}),
);

/** Reads what a pair is expected to fail in a suite; no file means nothing. Throws on a file that is not well formed. */
export function readBaseline(pair: string, suite: string): Baseline {
	const file = path.join(FOLDER, `${pair}.yml`);
	if (!existsSync(file)) return [];
	const entries = FILE.parse(parse(readFileSync(file, 'utf8')) ?? []);
	return entries
		.filter((entry) => entry.suite === undefined || entry.suite === suite)
		.flatMap(({ scenarios, reason }) => scenarios.map((name) => toExpected(name, reason)));
}

/** The failure as its file writes it. */
export function nameOf({ scenario, check }: ExpectedFailure): string {
	return check === undefined ? scenario : `${scenario}:${check}`;
}

function toExpected(name: string, reason: string): ExpectedFailure {
	const [scenario = '', check] = name.split(/:(.*)/s);
	return { scenario, reason, ...(check && { check }) };
}
