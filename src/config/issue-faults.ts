import * as z from 'zod';
import { nearestName } from '../lib/nearest-name.ts';
import type { Fault } from './faults.ts';
import type { Path, YamlFile } from './read-yaml.ts';

const KINDS: Readonly<Record<string, string>> = {
	string: 'text; put quotes around it',
	number: 'a whole number',
	int: 'a whole number',
	boolean: 'true or false',
	array: 'a list',
	object: 'a map',
	record: 'a map',
};

/** Our sentence for what the schema found. None quotes a value; for unknown keys there is one line for each key. */
export function issueSentence(issue: z.core.$ZodRawIssue): string {
	switch (issue.code) {
		case 'invalid_type':
			return issue.input === undefined ? 'is missing' : `expected ${KINDS[issue.expected] ?? issue.expected}`;
		case 'invalid_value':
			return issue.input === undefined ? 'is missing' : `expected one of ${issue.values.join(', ')}`;
		case 'invalid_union':
			return `expected one of ${[issue['options']].flat().join(', ')}`;
		case 'unrecognized_keys':
			return issue.keys.map((key) => unknownKeySentence(key, knownKeys(issue.inst))).join('\n');
		case 'too_small':
			return issue.origin === 'string' || issue.origin === 'array'
				? 'must not be empty'
				: `must be at least ${issue.minimum}`;
		case 'too_big':
			return `must be at most ${issue.maximum}`;
		default:
			return 'is not valid';
	}
}

/** A fault of a value, whatever that was read from. */
export interface PlacedFault {
	readonly path: Path;
	readonly message: string;
	/** Whether it is about the value of the path or about its key. */
	readonly at: 'key' | 'value';
}

/** The faults of one finding of the schema. */
export function placedFaults(issue: z.core.$ZodIssue): PlacedFault[] {
	if (issue.code === 'unrecognized_keys') {
		const sentences = issue.message.split('\n');
		return issue.keys.map((key, index) => {
			return { path: [...issue.path, key], message: sentences[index] ?? '', at: 'key' };
		});
	}
	const at = issue.code === 'custom' && issue.params?.['at'] === 'key' ? 'key' : 'value';
	return [{ path: issue.path, message: issue.message, at }];
}

/** The same, each where it stands in the file. */
export function issueFaults(issue: z.core.$ZodIssue, yaml: YamlFile): Fault[] {
	return placedFaults(issue).map(({ path, message, at }) => yaml.fault(path, message, at));
}

function unknownKeySentence(key: string, known: readonly string[]): string {
	const nearest = nearestName(key, known);
	return nearest === undefined
		? `unknown key; known here: ${known.join(', ')}`
		: `unknown key; did you mean ${nearest}?`;
}

function knownKeys(schema: unknown): readonly string[] {
	return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}
