import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { parse } from 'yaml';
import type { Suite } from './runs.ts';

/** What a suite's package says about its scenarios of one side. */
export interface Requirements {
	/** Whether a scenario counts towards conformance; the others run and are reported beside them. */
	isRequired(scenario: string): boolean;
	/** Scenarios of the side, the required ones first. */
	readonly scenarios: readonly string[];
}

/** The program of a suite. */
export function programOf(suite: Suite): string {
	return path.join(folderOf(suite), 'dist/index.js');
}

/** Reads which scenarios a suite requires of one side. */
export function readRequirements(suite: Suite, side: 'server' | 'client'): Requirements {
	if (suite.requirements === undefined) return { isRequired: () => true, scenarios: [] };
	const listed = parse(readFileSync(path.join(folderOf(suite), suite.requirements), 'utf8')) as RequirementsFile;
	const required = new Set(listed[side]);
	const others = listed.not_scored.filter(({ leg }) => leg === side).map(({ scenario }) => scenario);
	return { isRequired: (scenario) => required.has(scenario), scenarios: [...required, ...others] };
}

interface RequirementsFile {
	readonly server: readonly string[];
	readonly client: readonly string[];
	readonly not_scored: readonly { readonly scenario: string; readonly leg: string }[];
}

function folderOf(suite: Suite): string {
	return path.dirname(createRequire(import.meta.url).resolve(`${suite.package}/package.json`));
}
