import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import {
	type CallTemplate,
	createSecret,
	isNamed,
	type NamedSecret,
	type Secret,
	type SecretTemplate,
} from '../lib/secret.ts';

/** Where the values behind `${env:NAME}` and `${file:path}` come from; `${secret:NAME}` stays a name. */
export interface SecretLookup {
	/** Folder that relative paths of secret files start from. */
	readonly folder: string;
	readonly env: NodeJS.ProcessEnv;
	/** Text of a secret file; a failure carries the system's `code`. */
	readonly readSecretFile: (path: string) => string;
	/** Filled by reading: the reference each secret came from, to print in its place. */
	readonly references: Map<Secret, string>;
	/** Stands for every secret, so that nothing is looked up. */
	readonly placeholder?: string;
}

/** A lookup that finds every secret, to judge what is written where the secrets themselves are not to be had. */
export function createLenientLookup(): SecretLookup {
	const readSecretFile = (): string => PLACEHOLDER;
	return { folder: '.', env: {}, readSecretFile, references: new Map(), placeholder: PLACEHOLDER };
}

const PLACEHOLDER = 'placeholder';

/** A template, or what is wrong with it. */
export interface TemplateReading<Template = SecretTemplate> {
	readonly template: Template;
	/** The text with its secrets in place. It is for checks only and must not outlive them. */
	readonly rendered: string;
	readonly faults: readonly string[];
}

type Piece = string | { readonly kind: 'env' | 'file' | 'secret'; readonly name: string };
type Part = { readonly part: string | Secret | NamedSecret; readonly rendered: string };
type Found = { readonly value: string } | { readonly fault: string };

/** A secret file that is larger was named by mistake. */
const MOST_BYTES = 64 * 1024;

const PIECE =
	/\$\$\{|\$\{(env:[A-Za-z_][A-Za-z0-9_]*|secret:[A-Za-z_][A-Za-z0-9_.-]{0,63}|file:[^{}\x00-\x1f]+)\}|\$\{/g;

const MALFORMED = 'write a reference as ${env:NAME}, ${file:path} or ${secret:NAME}, and a literal ${ as $${';

const FILE_FAULTS: Readonly<Record<string, string>> = {
	ENOENT: 'does not exist',
	EACCES: 'may not be read by the gateway',
	EISDIR: 'is not a file',
	EFBIG: 'is larger than 64 KiB',
	EILSEQ: 'is not text in UTF-8',
};

/** Text in which nothing is a reference, with `$${` made `${`; `undefined` when something is one. */
export function readPlainText(text: string): string | undefined {
	const pieces = split(text);
	return pieces?.every((piece) => typeof piece === 'string') ? pieces.join('') : undefined;
}

/** Whether nothing of the gateway's own environment and files is referred to: a credential of the server is its own matter. */
export function namesOwnSecretsAlone(text: string): boolean {
	return split(text)?.every((piece) => typeof piece === 'string' || piece.kind === 'secret') ?? false;
}

/** The way back: text that `readPlainText` reads as the given one. */
export function escapePlainText(text: string): string {
	return text.split('${').join('$${');
}

/** The same text with other paths in its references to files. */
export function mapFilePaths(text: string, pathOf: (path: string) => string): string {
	return text.replace(PIECE, (piece: string, reference?: string) => {
		return reference?.startsWith('file:') ? `\${file:${pathOf(reference.slice('file:'.length))}}` : piece;
	});
}

/** Looks up every reference of a text; what cannot be found is told by the name of the reference alone. */
export function readTemplate(text: string, lookup: SecretLookup): TemplateReading {
	const { template, rendered, faults } = readCallTemplate(text, lookup);
	const known = template.flatMap((part) => (typeof part !== 'string' && isNamed(part) ? [] : [part]));
	return { template: known, rendered, faults: known.length < template.length ? [...faults, NO_CALL] : faults };
}

const NO_CALL = '${secret:NAME} is for headers, env and url of a server; use ${env:NAME} or ${file:path} here';

/** The same where `${secret:NAME}` may stand: for what is sent with a call. */
export function readCallTemplate(text: string, lookup: SecretLookup): TemplateReading<CallTemplate> {
	const pieces = split(text);
	if (pieces === undefined) return { template: [], rendered: '', faults: [MALFORMED] };
	const parts = pieces.map((piece) => readPiece(piece, lookup));
	const found = parts.filter((part) => 'part' in part);
	return {
		template: found.map(({ part }) => part),
		rendered: found.map(({ rendered }) => rendered).join(''),
		faults: parts.flatMap((part) => ('fault' in part ? [part.fault] : [])),
	};
}

/** Reads a secret file of at most 64 KiB; what is not a regular file is refused before it can block. */
export function readSecretFile(path: string): string {
	const descriptor = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
	try {
		const stat = fstatSync(descriptor);
		if (!stat.isFile()) throw systemError('EISDIR');
		if (stat.size > MOST_BYTES) throw systemError('EFBIG');
		return decode(readFileSync(descriptor));
	} finally {
		closeSync(descriptor);
	}
}

function split(text: string): Piece[] | undefined {
	const pieces: Piece[] = [];
	let end = 0;
	let literal = '';
	for (const match of text.matchAll(PIECE)) {
		literal += text.slice(end, match.index);
		end = match.index + match[0].length;
		if (match[0] === '$${') literal += '${';
		else if (match[1] === undefined) return undefined;
		else {
			if (literal !== '') pieces.push(literal);
			literal = '';
			pieces.push(reference(match[1]));
		}
	}
	literal += text.slice(end);
	return literal === '' ? pieces : [...pieces, literal];
}

function reference(text: string): Piece {
	const colon = text.indexOf(':');
	return { kind: text.slice(0, colon) as 'env' | 'file' | 'secret', name: text.slice(colon + 1) };
}

function readPiece(piece: Piece, lookup: SecretLookup): Part | { readonly fault: string } {
	if (typeof piece === 'string') return { part: piece, rendered: piece };
	if (piece.kind === 'secret') return { part: { named: piece.name }, rendered: PLACEHOLDER };
	const found = lookUp(piece, lookup);
	if ('fault' in found) return found;
	const secret = createSecret(found.value);
	lookup.references.set(secret, `\${${piece.kind}:${piece.name}}`);
	return { part: secret, rendered: found.value };
}

function lookUp({ kind, name }: Exclude<Piece, string>, lookup: SecretLookup): Found {
	if (lookup.placeholder !== undefined) return { value: lookup.placeholder };
	return kind === 'env' ? fromVariable(name, lookup.env) : fromFile(name, lookup);
}

function fromVariable(name: string, env: NodeJS.ProcessEnv): Found {
	const value = Object.hasOwn(env, name) ? env[name] : undefined;
	if (value === undefined) return { fault: `environment variable ${name} is not set` };
	return value.trim() === '' ? { fault: `environment variable ${name} is empty` } : { value };
}

function fromFile(name: string, { folder, readSecretFile }: SecretLookup): Found {
	try {
		const value = readSecretFile(resolve(folder, name)).replace(/\r?\n$/, '');
		if (Buffer.byteLength(value) > MOST_BYTES) throw systemError('EFBIG');
		return value.trim() === '' ? { fault: `secret file ${name} is empty` } : { value };
	} catch (error) {
		const code = String((error as { code?: unknown }).code);
		return { fault: `secret file ${name} ${FILE_FAULTS[code] ?? 'cannot be read'}` };
	}
}

function decode(bytes: Buffer): string {
	try {
		return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
	} catch {
		throw systemError('EILSEQ');
	}
}

function systemError(code: string): Error {
	return Object.assign(new Error(code), { code });
}
