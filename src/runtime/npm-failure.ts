import type { WorkEnd } from './run-to-end.ts';
import { RuntimeError } from './runtime-error.ts';

const NETWORK =
	/\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ERR_SOCKET_TIMEOUT)\b/;
const CODE = /npm (?:error|ERR!) code (\S+)/;

/** What an npm that failed means, in words that say what to do. It quotes neither addresses nor what npm printed. */
export function npmFailure({ code, startFault, output }: WorkEnd, what: string): RuntimeError {
	if (startFault !== undefined || code === 127) {
		return new RuntimeError(
			'npm-missing',
			`npm cannot be started (${startFault ?? 'not found'}), and ${what} is a package of npm. Install npm, or put it on the PATH.`,
		);
	}
	const told = CODE.exec(output)?.[1] ?? NETWORK.exec(output)?.[1] ?? `exit code ${code}`;
	if (['E404', 'ETARGET', 'ENOVERSIONS', 'E410'].includes(told)) {
		return new RuntimeError(
			'package-gone',
			`The registry does not have ${what}, or not something it needs (${told}). Nothing was installed; no other package is tried in its place.`,
		);
	}
	if (NETWORK.test(told) || /^E(401|403|5\d\d)$/.test(told)) {
		return new RuntimeError(
			'registry-unreachable',
			`The registry cannot be reached, or does not let us in (${told}), so ${what} was not installed. Look at the network, the proxy and npm's own settings.`,
		);
	}
	if (told === 'ENOSPC') return new RuntimeError('disk-full', `The disk is full: ${what} was not installed.`);
	if (told === 'EACCES' || told === 'EPERM') {
		return new RuntimeError('not-permitted', `npm may not write where it has to (${told}): ${what} was not installed.`);
	}
	return new RuntimeError('install-failed', `npm could not install ${what} (${told}).`);
}
