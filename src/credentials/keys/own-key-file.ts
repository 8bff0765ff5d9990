import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** Where a gateway with a database of its own keeps its key. */
export function ownKeyFile(dataFolder: string): string {
	return join(dataFolder, 'credential-keys');
}

const HEAD = `# Keys that the secrets in the database are kept with (docs/credentials.md). Whoever has this file and the database has
# the secrets; without it nobody has. Keep a copy in another place than the back-ups of the database.
`;

/** Makes the file with a fresh key, for the account of the gateway alone; one that is there stays. */
export function makeOwnKeyFile(path: string): void {
	if (existsSync(path)) return;
	const descriptor = openSync(path, 'wx', 0o600);
	try {
		const id = `own-${randomBytes(4).toString('hex')}`;
		writeSync(descriptor, `${HEAD}${id}:${randomBytes(32).toString('base64')}\n`);
		// A key that secrets were sealed with must not be lost with the power.
		fsyncSync(descriptor);
	} finally {
		closeSync(descriptor);
	}
}
