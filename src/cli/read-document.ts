import { readFileSync } from 'node:fs';
import { ConfigFaults } from '../config/faults.ts';
import { readYaml, type YamlFile } from '../config/read-yaml.ts';
import type { JsonObject } from './api-client.ts';

/** A file of YAML or JSON that holds an object. */
export interface Document {
	readonly value: JsonObject;
	readonly yaml: YamlFile;
}

const STDIN = 0;

/** Reads a file, or standard input for `-`. Throws `ConfigFaults` with the places of what is wrong. */
export function readDocument(file: string): Document {
	const fault = (message: string): ConfigFaults => {
		return new ConfigFaults(file, [{ line: 1, column: 1, path: '', message }]);
	};
	const yaml = readYaml(textOf(file, fault));
	if (yaml.faults.length > 0) throw new ConfigFaults(file, yaml.faults);
	const { value } = yaml;
	if (typeof value !== 'object' || value === null || Array.isArray(value)) throw fault('holds no keys');
	return { value: value as JsonObject, yaml };
}

function textOf(file: string, fault: (message: string) => ConfigFaults): string {
	try {
		return readFileSync(file === '-' ? STDIN : file, 'utf8');
	} catch (error) {
		throw fault(`cannot be read (${(error as NodeJS.ErrnoException).code})`);
	}
}
