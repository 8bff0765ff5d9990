import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createCertificate } from '../fakes/certificate.ts';
import { PUBLIC_HOST } from '../fakes/edge-proxy.ts';

const FILE = resolve(import.meta.dirname, '../../deploy/envoy/envoy.yaml');
const PATHS = (process.env['PATH'] ?? '').split(delimiter);
const ENVOY = PATHS.map((folder) => join(folder, 'envoy')).find((path) => existsSync(path)) ?? '';

describe('the file for Envoy', () => {
	// Few machines have one; deploy/README.md says that ours had none.
	it.runIf(ENVOY !== '')('is accepted by Envoy', () => {
		const folder = mkdtempSync(join(tmpdir(), 'portcullis-envoy-'));
		onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
		const { cert, key } = createCertificate(PUBLIC_HOST);
		const config = readFileSync(FILE, 'utf8').replaceAll('/etc/envoy/tls', folder);
		const files = { 'portcullis.crt': cert, 'portcullis.key': key, 'envoy.yaml': config };
		for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
		const told = execFileSync(ENVOY, ['--mode', 'validate', '-c', join(folder, 'envoy.yaml')], { encoding: 'utf8' });
		expect(told).toContain('OK');
	});
});
