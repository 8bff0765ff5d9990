import { execFileSync } from 'node:child_process';
import path from 'node:path';

const ROOT = path.resolve(import.meta.dirname, '../..');

/** Builds `dist` when it is missing or older than `src`, because end-to-end tests start the command line from it. */
export function setup(): void {
	execFileSync(process.execPath, ['tools/ensure-built.mjs'], { cwd: ROOT, stdio: 'inherit' });
}
