import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { escapePlainText, readPlainText, readSecretFile, readTemplate, type SecretLookup } from './secret-template.ts';

const folder = mkdtempSync(join(tmpdir(), 'portcullis-secrets-'));
afterAll(() => rmSync(folder, { recursive: true }));

function lookup(env: NodeJS.ProcessEnv = {}): SecretLookup {
	return { folder, env, readSecretFile, references: new Map() };
}

function write(name: string, content: string | Buffer): string {
	writeFileSync(join(folder, name), content);
	return `\${file:${name}}`;
}

describe('a template', () => {
	test('keeps literal text and secrets in order, and remembers the references', () => {
		const place = lookup({ A: 'one', B: 'two' });
		const { template, rendered, faults } = readTemplate('x ${env:A}-${env:B}', place);
		expect([template.length, rendered, faults]).toEqual([4, 'x one-two', []]);
		expect(template.map((part) => (typeof part === 'string' ? part : place.references.get(part)))).toEqual([
			'x ',
			'${env:A}',
			'-',
			'${env:B}',
		]);
	});

	test('shows no secret when it is printed', () => {
		const { template } = readTemplate('Bearer ${env:A}', lookup({ A: 'canary' }));
		expect(`${String(template)}${JSON.stringify(template)}${inspect(template)}`).not.toContain('canary');
	});

	test('tells every reference that leads nowhere', () => {
		expect(readTemplate('${env:A}${file:none}${env:B}', lookup()).faults).toEqual([
			'environment variable A is not set',
			'secret file none does not exist',
			'environment variable B is not set',
		]);
	});

	test.each(['', 'plain', '$', '$$', '${', '$${', 'a${env:X}b', '}${'])('gives %j back when it is escaped', (text) => {
		expect(readPlainText(escapePlainText(text))).toBe(text);
		expect(readTemplate(escapePlainText(text), lookup()).rendered).toBe(text);
	});
});

describe('a secret file', () => {
	test.each([
		['without a line break', 'abc', 'abc'],
		['with one, which is no part of the secret', 'abc\n', 'abc'],
		['with the one of Windows', 'abc\r\n', 'abc'],
		['with two, of which the first is part of it', 'abc\n\n', 'abc\n'],
		['of many lines', 'a\nb', 'a\nb'],
		['of 64 KiB', 'x'.repeat(65_536), 'x'.repeat(65_536)],
	])('is read %s', (_, content, secret) => {
		expect(readTemplate(write('good', content), lookup()).rendered).toBe(secret);
	});

	test('is read through a link, as Kubernetes mounts secrets', () => {
		write('target', 'abc');
		symlinkSync('target', join(folder, 'link'));
		expect(readTemplate('${file:./link}', lookup()).rendered).toBe('abc');
	});

	test.each([
		['empty', '\n', 'is empty'],
		['larger than 64 KiB', 'x'.repeat(65_537), 'is larger than 64 KiB'],
		['no UTF-8', Buffer.from([0xff, 0xfe]), 'is not text in UTF-8'],
	])('is refused when it is %s', (_, content, message) => {
		expect(readTemplate(write('bad', content), lookup()).faults).toEqual([`secret file bad ${message}`]);
	});

	test('is refused when it is a folder', () => {
		expect(readTemplate('${file:.}', lookup()).faults).toEqual(['secret file . is not a file']);
	});

	test.skipIf(process.platform === 'win32')('is refused when it is a pipe, which would block the gateway', () => {
		execFileSync('mkfifo', [join(folder, 'pipe')]);
		expect(readTemplate('${file:pipe}', lookup()).faults).toEqual(['secret file pipe is not a file']);
	});
});
