import { existsSync, readFileSync } from 'node:fs';
import { type Environment, parseEnvironment } from '../config/environment.ts';
import type { Secret } from '../lib/secret.ts';
import { ownerOf } from '../store/folder-lock.ts';
import type { ApiClient } from './api-client.ts';
import type { CommandIo } from './command.ts';
import { unreachable, usageFault } from './command-error.ts';
import { createDirectClient } from './direct-client.ts';
import { readGatewayFile } from './gateway-file.ts';
import { createHttpClient } from './http-client.ts';
import type { Progress } from './progress.ts';

/** How a command says whom it asks. */
export interface ClientOptions {
	readonly url?: string;
	readonly tokenFile?: string;
}

/**
 * Opens the way that the options and settings name: the gateway of an address; else the database of `DATABASE_URL`; else
 * the data folder, through the gateway that owns it, or by itself where none does.
 */
export async function openClient(options: ClientOptions, io: CommandIo, progress: Progress): Promise<ApiClient> {
	const environment = parseEnvironment({
		...io.env,
		...(options.url !== undefined && { PORTCULLIS_URL: options.url }),
		...(options.tokenFile !== undefined && { PORTCULLIS_TOKEN: readToken(options.tokenFile) }),
	});
	const { gatewayUrl, token, dataFolder } = environment;
	if (gatewayUrl !== '') return askGateway(gatewayUrl, token[0]);
	const owner = environment.databaseUrl === '' && existsSync(dataFolder) ? ownerOf(dataFolder) : undefined;
	if (owner !== undefined) return askOwner(owner, environment);
	if (options.tokenFile !== undefined) {
		throw usageFault('A token is for a gateway, and none runs on the data folder; name one with --url.');
	}
	return createDirectClient({ environment, env: io.env, progress });
}

function askGateway(url: string, token: Secret | undefined): ApiClient {
	if (token !== undefined) return createHttpClient({ url, token });
	throw usageFault(
		`Sign in at ${url}: set PORTCULLIS_TOKEN to an access token, or name a file of one with --token-file.`,
	);
}

function askOwner(owner: number, { dataFolder, token }: Environment): ApiClient {
	const gateway = readGatewayFile(dataFolder);
	if (gateway?.pid !== owner) {
		throw unreachable(
			`Process ${owner} works on the data folder ${dataFolder} and takes no commands; try again when it is done.`,
		);
	}
	if (token[0] !== undefined) return createHttpClient({ url: gateway.url, token: token[0] });
	throw usageFault(
		`A gateway (process ${owner}) runs on the data folder ${dataFolder}: set PORTCULLIS_TOKEN, or name a file with --token-file, to ask it as yourself, or stop it to work as the operator.`,
	);
}

function readToken(file: string): string {
	try {
		const text = readFileSync(file, 'utf8').trim();
		if (text !== '') return text;
	} catch (error) {
		throw usageFault(`The token file ${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
	}
	throw usageFault(`The token file ${file} is empty.`);
}
