import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSealer } from '../../lib/seal.ts';
import { readMessage } from '../read-message.ts';
import { META } from './envelope.ts';
import { bindingOf, createRequestStates, type StateBinding } from './request-state.ts';

const KEY = randomBytes(32);
const TTL_MS = 600_000;
const REFUSED = expect.objectContaining({
	code: 'PC_REQUEST_STATE_INVALID',
	facts: expect.objectContaining({ data: { reason: 'invalid_request_state' } }),
});

const statesWith = (key: Buffer, now = () => 0, node = 'n-1') =>
	createRequestStates({ sealer: createSealer(key, 'mcp-request-state'), node, now });
const states = statesWith(KEY);

const fields = fc.constantFrom<(keyof StateBinding)[]>('principal', 'scope', 'method', 'target', 'digest');
const bindings: fc.Arbitrary<StateBinding> = fc.record({
	principal: fc.string(),
	scope: fc.string(),
	method: fc.string(),
	target: fc.string({ unit: 'binary' }),
	digest: fc.string(),
});
const BINDING: StateBinding = { principal: 'p', scope: 's', method: 'tools/call', target: 'ask', digest: 'd' };

function refusal(run: () => unknown): unknown {
	try {
		return { answered: run() };
	} catch (error) {
		return error;
	}
}

describe('a request state', () => {
	it('gives back to the same call what was put into it, byte for byte', () => {
		fc.assert(
			fc.property(bindings, fc.string({ unit: 'binary' }), fc.option(fc.uuid(), { nil: undefined }), (at, up, park) => {
				const text = states.mint(at, { upstream: up, park });
				expect(text).toMatch(/^[A-Za-z0-9_-]+$/);
				expect(states.read(text, { ...at })).toEqual({ upstream: up, park, node: 'n-1' });
			}),
		);
	});

	it('is refused when any part of what it is bound to is another', () => {
		fc.assert(
			fc.property(bindings, fields, fc.string(), (at, field, other) => {
				fc.pre(at[field] !== other);
				const text = states.mint(at, { upstream: 'u' });
				expect(refusal(() => states.read(text, { ...at, [field]: other }))).toEqual(REFUSED);
			}),
		);
	});

	it('does not mix up two neighbouring parts', () => {
		const text = states.mint({ ...BINDING, method: 'a', target: 'bc' }, { upstream: 'u' });
		expect(refusal(() => states.read(text, { ...BINDING, method: 'ab', target: 'c' }))).toEqual(REFUSED);
	});

	it.each([
		[-1, true],
		[0, false],
		[1, false],
	])('with %i ms to its end of ten minutes is valid: %s', (offset, valid) => {
		let now = 1_800_000_000_000;
		const timed = statesWith(KEY, () => now);
		const text = timed.mint(BINDING, { park: 'x' });
		now += TTL_MS + offset;
		const answer = refusal(() => timed.read(text, BINDING));
		expect(answer).toEqual(valid ? { answered: expect.objectContaining({ park: 'x' }) } : REFUSED);
	});

	it('is read by another process with the same key, and says which process made it', () => {
		const text = statesWith(KEY, () => 0, 'n-2').mint(BINDING, { park: 'x' });
		expect(states.read(text, BINDING)).toEqual({ upstream: undefined, park: 'x', node: 'n-2' });
	});

	it('is refused when it is no text, not ours, of another key or purpose, or changed anywhere', () => {
		const text = states.mint(BINDING, { upstream: 'u' });
		const other = statesWith(randomBytes(32)).mint(BINDING, { upstream: 'u' });
		const session = createSealer(KEY, 'mcp-session').seal({ ...BINDING, upstream: 'u', expiresAt: 1 });
		for (const forged of [undefined, null, 7, {}, [text], '', 'x.y', ` ${text}`, `${text}A`, other, session])
			expect(refusal(() => states.read(forged, BINDING))).toEqual(REFUSED);
		for (let at = 0; at < text.length; at++) {
			const changed = text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);
			expect(refusal(() => states.read(changed, BINDING))).toEqual(REFUSED);
		}
	});

	it('tells nobody whose it is', () => {
		const at = { ...BINDING, principal: 'issuer/ada' };
		expect(states.mint(at, { upstream: 'u' })).not.toBe(states.mint(at, { upstream: 'u' }));
		const bytes = Buffer.from(states.mint(at, { upstream: 'the state' }), 'base64url').toString('latin1');
		expect(bytes).not.toMatch(/ada|the state/);
	});
});

/** A `tools/call` with this text for its parameters, without the closing brace. */
function callOf(params: string) {
	const envelope = `{"${META.protocolVersion}":"2026-07-28","${META.clientCapabilities}":{}}`;
	const text = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params},"_meta":${envelope}}}`;
	const headers = { 'mcp-protocol-version': '2026-07-28', 'mcp-method': 'tools/call', 'mcp-name': 'ask' };
	return readMessage({ text, value: JSON.parse(text), headers: new Map(Object.entries(headers)) });
}

const digestOf = (params: string): string => bindingOf(callOf(params), { key: 'p' }, 's', 'ask').digest;

describe('what a request state is bound to', () => {
	it('is the person, the server with its credential, the method, the target and the parameters', () => {
		const binding = bindingOf(callOf('{"name":"ask"'), { key: 'ada' }, 'scope', 'upstream-name');
		expect(binding).toMatchObject({ principal: 'ada', scope: 'scope', method: 'tools/call', target: 'upstream-name' });
		expect(binding.digest).toMatch(/^[A-Za-z0-9_-]{43}$/);
	});

	it('stays the same in a retry, with its answers, its state and another spelling', () => {
		const first = digestOf('{"name":"ask","arguments":{"a":1,"b":[{"c":2,"d":3}]}');
		const retry =
			'{"inputResponses":{"x":{}},"arguments": {"b":[{"d":3, "c":2}],"a":1},"requestState":"s","name":"ask"';
		expect(digestOf(retry)).toBe(first);
	});

	it('changes with any argument and with any other member', () => {
		const texts = [
			'{"name":"ask"',
			'{"name":"ask","arguments":{}',
			'{"name":"ask","arguments":{"n":12345678901234567890}',
			'{"name":"ask","arguments":{"n":12345678901234567891}',
			'{"name":"ask","arguments":{"n":"12345678901234567890"}',
			'{"name":"ask","arguments":{"requestState":"s"}',
			'{"name":"ask","arguments":{"inputResponses":{}}',
			'{"name":"ask","arguments":{"_meta":{}}',
			'{"name":"ask","vendor":{}',
		];
		expect(new Set(texts.map(digestOf)).size).toBe(texts.length);
	});
});
