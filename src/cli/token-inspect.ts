import type { Command } from 'commander';
import { errorCode, type PortcullisError, toPortcullisError } from '../errors/portcullis-error.ts';
import type { Principal } from '../identity/principal.ts';
import { explainGrants } from '../policy/explain-words.ts';
import { type AppByFile, withAppByFile } from './app-by-file.ts';
import { type CommandIo, guarded } from './command.ts';
import { readPresentedToken } from './read-token.ts';

/** Adds `token inspect`: whose a token is and what it gives, or the first rule that it fails. The token is never shown. */
export function addTokenInspectCommand(token: Command, io: CommandIo): void {
	token
		.command('inspect')
		.description('say whose the access token on standard input is and what it gives, or which rule it fails')
		.option('--config <file>', 'configuration file (PORTCULLIS_CONFIG; the demo’s where there is no other)')
		.action(({ config }: { readonly config?: string }) =>
			guarded(io, () => withAppByFile(config, io, (by) => inspect(by, io))),
		);
}

async function inspect({ app, snapshot }: AppByFile, io: CommandIo): Promise<void> {
	try {
		const principal = await app.authenticator.authenticate(readPresentedToken(io));
		const directory = snapshot.directories.find(({ issuer }) => issuer === principal.issuer);
		const [identity = '', ...grants] = explainGrants(principal, snapshot.grantRules);
		io.out(
			[`Accepted: a token of the directory ${directory?.id}, ${untilOf(principal)}.`, identity, ...grants].join('\n'),
		);
	} catch (error) {
		if (errorCode(error) === undefined) throw error;
		io.out(refusalIn(toPortcullisError(error)));
		process.exitCode = 1;
	}
}

function untilOf({ expiresAt }: Principal): string {
	return Number.isFinite(expiresAt) ? `good until ${new Date(expiresAt).toISOString()}` : 'without an end';
}

// The detail is ours: it names the rule and holds nothing of the token.
function refusalIn({ code, facts, sentence }: PortcullisError): string {
	const { detail } = facts;
	return detail === undefined ? `Refused with ${code}: ${sentence}` : `Refused with ${code}, ${detail}: ${sentence}`;
}
