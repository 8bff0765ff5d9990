import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { deepFreeze } from './deep-freeze.ts';
import { ConfigFaults } from './faults.ts';
import { issueFaults, issueSentence } from './issue-faults.ts';
import type { EdgeMechanism, ListenerSettings } from './listeners.ts';
import { createListenersSchema, type ListenersFile } from './listeners-schema.ts';
import { readYaml } from './read-yaml.ts';
import { readSecretFile } from './secret-template.ts';

/**
 * The listeners that a file names; none where no file is named. Throws `ConfigFaults` with everything that is wrong, a
 * file that cannot be read included.
 */
export function readListeners(file: string, env: NodeJS.ProcessEnv): readonly ListenerSettings[] {
	return file === '' ? [] : parseListeners(readText(file), { file, env });
}

/** What the text of a file of listeners is read with. */
export interface ListenersSource {
	/** Names the file in faults; relative paths start from its folder. */
	readonly file: string;
	/** Where `${env:NAME}` is looked up. */
	readonly env: NodeJS.ProcessEnv;
}

/** The listeners that a text describes, frozen. Throws `ConfigFaults`. */
export function parseListeners(text: string, { file, env }: ListenersSource): readonly ListenerSettings[] {
	const yaml = readYaml(text);
	if (yaml.value === undefined) throw new ConfigFaults(file, yaml.faults);
	const schema = createListenersSchema({ folder: dirname(file), env, readSecretFile, references: new Map() });
	const parsed = schema.safeParse(yaml.value, { error: issueSentence });
	const faults = [...yaml.faults, ...(parsed.error?.issues ?? []).flatMap((issue) => issueFaults(issue, yaml))];
	if (parsed.data === undefined || faults.length > 0) throw new ConfigFaults(file, faults);
	return deepFreeze(parsed.data.listeners.map(buildListener));
}

function readText(file: string): string {
	try {
		return readFileSync(file, 'utf8');
	} catch (error) {
		const message = `cannot be read (${(error as NodeJS.ErrnoException).code})`;
		throw new ConfigFaults(file, [{ line: 1, column: 1, path: '', message }]);
	}
}

type Entry = ListenersFile['listeners'][number];

function buildListener({ tls, edge, ...listener }: Entry): ListenerSettings {
	return {
		...listener,
		tls: tls && { ...tls, clientCaFile: tls.clientCaFile },
		edge: edge && buildMechanism(edge),
	};
}

function buildMechanism(edge: NonNullable<Entry['edge']>): EdgeMechanism {
	if (edge.mechanism === 'assertion') {
		const { publicKeyFiles, jwksUrl, ...rest } = edge;
		return { ...rest, jwksUrl, publicKeys: publicKeyFiles.map(({ pem }) => pem) };
	}
	if (edge.mechanism !== 'shared-secret') return edge;
	const { secrets, ...rest } = edge;
	return { ...rest, digests: secrets };
}
