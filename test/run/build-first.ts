import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
	interface ProvidedContext {
		/** A folder of this run; what test files would make again and again is kept there. */
		readonly runFolder: string;
	}
}

const ROOT = path.resolve(import.meta.dirname, '../..');

/** Builds `dist` when it is missing or older than `src`, because end-to-end tests start the command line from it. */
export function setup(project: TestProject): () => void {
	execFileSync(process.execPath, ['tools/ensure-built.mjs'], { cwd: ROOT, stdio: 'inherit' });
	const folder = mkdtempSync(path.join(tmpdir(), 'portcullis-run-of-tests-'));
	chmodSync(folder, 0o711);
	project.provide('runFolder', folder);
	return () => rmSync(folder, { recursive: true, force: true });
}
