import { describe, expect, it } from 'vitest';
import { isForOperator, type Reached } from './is-for-operator.ts';

const http = (endpoint: object = {}, clientFeatures: readonly string[] | null = null): Reached => {
	return { transport: 'http', endpoint: { url: 'https://u.example', ...endpoint }, clientFeatures };
};
const stdio = (endpoint: object = {}, clientFeatures: readonly string[] | null = null): Reached => {
	return { transport: 'stdio', endpoint: { command: 'node', ...endpoint }, clientFeatures };
};
const KEY = { headers: { 'x-api-key': '${env:KEY}' } };

describe('a server', () => {
	it.each([
		['at an address', http(), undefined],
		['with a value written out', http({ headers: { 'x-api-key': 'k' } }), http()],
		['whose features change over http', http({}, ['roots']), http()],
		['that reads a secret as before', http(KEY), http(KEY)],
		['that is the same program as before', stdio({}, ['roots']), stdio({}, ['roots'])],
		['that reads nothing any more', http(), http(KEY)],
		['that is no program any more', http(), stdio()],
		['with a dollar that is no reference', http({ headers: { a: 'costs $${x}' } }), undefined],
	])('%s is anybody’s to set', (_, after, before) => expect(isForOperator(after, before)).toBe(false));

	it.each([
		['that is a program', stdio(), undefined],
		['that becomes a program', stdio(), http()],
		['whose program changes', stdio({ args: ['-e', '1'] }), stdio()],
		['whose program may ask for more', stdio({}, ['roots']), stdio()],
		['that reads a secret', http(KEY), undefined],
		['that reads another secret', http({ headers: { 'x-api-key': '${file:/x}' } }), http(KEY)],
		['that takes a secret elsewhere', http({ ...KEY, url: 'https://evil.example' }), http(KEY)],
		['that reads one in a name', http({ headers: { '${env:KEY}': 'x' } }), undefined],
		['that reads one deep down', stdio({ args: [['${env:KEY}']] }), undefined],
	])('%s is for the operator to set', (_, after, before) => expect(isForOperator(after, before)).toBe(true));
});
