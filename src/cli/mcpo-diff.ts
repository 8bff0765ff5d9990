import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { Command } from 'commander';
import { request } from 'undici';
import { compareDocuments } from '../openapi/compare-documents.ts';
import { type CommandIo, guarded } from './command.ts';
import { failed, unreachable, usageFault } from './command-error.ts';
import { counted } from './output.ts';

interface DiffOptions {
	readonly keyFile?: string;
	readonly otherKeyFile?: string;
	readonly calls?: string;
}

/** Adds `mcpo-diff`: what callers would notice when they change from one OpenAPI service to another. */
export function addMcpoDiffCommand(program: Command, io: CommandIo): void {
	program
		.command('mcpo-diff')
		.description('compare the OpenAPI document of mcpo with that of a gateway, and the answers to calls')
		.argument('<mcpo>', 'address of the server at mcpo, as http://mcpo:8000/time')
		.argument('<gateway>', 'address of the server here, as https://mcp.example.com/w/google/s/time')
		.option('--key-file <file>', 'file with the key for mcpo')
		.option('--other-key-file <file>', 'file with the key or token for the gateway')
		.option('--calls <file>', 'calls to send to both, a JSON object {path, body} on each line; they are carried out')
		.action((mcpo: string, gateway: string, options: DiffOptions) => {
			return guarded(io, async () => {
				const sides = [sideOf(mcpo, options.keyFile), sideOf(gateway, options.otherKeyFile)] as const;
				const told = [...(await documentDifferences(sides)), ...(await answerDifferences(sides, options.calls))];
				for (const line of told) io.out(line);
				if (told.length > 0) throw failed(`${counted(told.length, 'difference')}.`);
				io.out('No difference.');
			});
		});
}

interface Side {
	/** Without a slash at the end. */
	readonly url: string;
	readonly headers: Readonly<Record<string, string>>;
}

type Sides = readonly [Side, Side];

function sideOf(url: string, keyFile: string | undefined): Side {
	if (!URL.canParse(url)) throw usageFault(`${url} is no address.`);
	const key = keyFile === undefined ? undefined : readFileSync(keyFile, 'utf8').trim();
	return { url: url.replace(/\/+$/, ''), headers: key === undefined ? {} : { authorization: `Bearer ${key}` } };
}

interface Told {
	readonly status: number;
	/** As JSON where it is some. */
	readonly body: unknown;
}

async function ask({ url, headers }: Side, path: string, body?: unknown): Promise<Told> {
	const sent = body === undefined ? {} : { method: 'POST' as const, body: JSON.stringify(body) };
	const own = body === undefined ? headers : { ...headers, 'content-type': 'application/json' };
	const answer = await request(url + path, { headers: own, ...sent }).catch((error: unknown) => {
		throw unreachable(`${url} cannot be reached.`, error);
	});
	const text = await answer.body.text();
	try {
		return { status: answer.statusCode, body: JSON.parse(text) };
	} catch {
		return { status: answer.statusCode, body: text };
	}
}

async function documentDifferences(sides: Sides): Promise<readonly string[]> {
	const documents = await Promise.all(sides.map((side) => ask(side, '/openapi.json')));
	for (const [index, { status }] of documents.entries()) {
		if (status !== 200) throw failed(`${sides[index]?.url}/openapi.json was answered with ${status}.`);
	}
	return compareDocuments(documents[0]?.body, documents[1]?.body).map(({ path, what }) => `${path}: ${what}`);
}

async function answerDifferences(sides: Sides, file: string | undefined): Promise<readonly string[]> {
	if (file === undefined) return [];
	const told: string[] = [];
	for (const line of readFileSync(file, 'utf8').split('\n')) {
		if (line.trim() === '') continue;
		const { path, body = {} } = JSON.parse(line) as { readonly path: string; readonly body?: unknown };
		const [theirs, ours] = await Promise.all(sides.map((side) => ask(side, path, body)));
		if (theirs?.status !== ours?.status)
			told.push(`${path}: was answered with ${theirs?.status}, then ${ours?.status}`);
		else if (!isDeepStrictEqual(theirs?.body, ours?.body)) told.push(`${path}: is answered otherwise`);
	}
	return told;
}
