import { readFileSync } from 'node:fs';
import { parseEnvironment } from '../config/environment.ts';
import { bearerOf } from '../credentials/bearer-of.ts';
import type { Presented } from '../identity/presented.ts';
import { createSecret, type Secret } from '../lib/secret.ts';
import type { CommandIo } from './command.ts';
import { usageFault } from './command-error.ts';

const STDIN = 0;

/**
 * The access token on standard input or, where nothing comes from there, that of PORTCULLIS_TOKEN, as a request would
 * present it. Never one of the command line, which everybody on the machine can read.
 */
export function readPresentedToken({ env }: Pick<CommandIo, 'env'>): Presented {
	const token = fromInput() ?? parseEnvironment(env).token[0];
	if (token === undefined) throw usageFault('Send the access token on standard input, or set PORTCULLIS_TOKEN.');
	return { rawHeaders: ['Authorization', bearerOf(token)], remoteAddress: '' };
}

function fromInput(): Secret | undefined {
	const text = process.stdin.isTTY ? '' : readFileSync(STDIN, 'utf8').trim();
	return text === '' ? undefined : createSecret(text);
}
