import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';
import { hasEdgeProxy } from '../fakes/edge-proxy.ts';
import { IDENTITY_NAMES } from '../fakes/identity-headers.ts';

const FILE = resolve(import.meta.dirname, '../../deploy/kong/kong.yaml');

interface Plugin {
	readonly name: string;
	readonly config: { readonly access: readonly string[] };
}

/** Runs a script for Kong in the Lua that HAProxy brings along, with as much of Kong as it uses; what it cleared. */
function clearedBy(script: string): readonly string[] {
	const folder = mkdtempSync(join(tmpdir(), 'portcullis-kong-'));
	onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
	const out = join(folder, 'cleared');
	const kong = `local file = io.open("${out}", "w")
local kong = { service = { request = { clear_header = function(name) file:write(name, "\\n") end } } }`;
	writeFileSync(join(folder, 'script.lua'), `${kong}\n${script}\nfile:close()\n`);
	const listener = `listen x\n\ttimeout connect 1s\n\ttimeout client 1s\n\ttimeout server 1s\n\tbind unix@${join(folder, 'x')}\n`;
	writeFileSync(join(folder, 'config'), `global\n\tlua-load ${join(folder, 'script.lua')}\n${listener}`);
	execFileSync('/usr/sbin/haproxy', ['-c', '-f', join(folder, 'config')], { stdio: 'pipe', env: {} });
	return readFileSync(out, 'utf8').split('\n').slice(0, -1);
}

describe('the script of Kong', () => {
	it.runIf(hasEdgeProxy('haproxy'))('clears every header that says who somebody is, in both spellings', () => {
		const plugins: readonly Plugin[] = parse(readFileSync(FILE, 'utf8')).services[0].plugins;
		const script = plugins.find(({ name }) => name === 'pre-function')?.config.access[0] ?? '';
		const spellings = [...IDENTITY_NAMES, 'cookie'].flatMap((name) => [name, name.replaceAll('-', '_')]);
		expect([...new Set(clearedBy(script))].sort()).toEqual([...new Set(spellings)].sort());
	});
});
