import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorCode } from '../errors/portcullis-error.ts';
import { pathOf } from '../mcp/address.ts';
import { type Door, doorOf, parseAddress } from './parse-address.ts';

function parsed(target: string, door?: Door): unknown {
	try {
		return parseAddress(target, door);
	} catch (error) {
		return errorCode(error);
	}
}

const slug = fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/);
const piece = fc.oneof(
	slug,
	fc.constantFrom('', 'w', 's', 't', 'mcp', '.', '..', '%2f', '%2e', 'W', '\\', '?', '#', ' ', 'é'),
);

describe('parseAddress', () => {
	it.each([
		['/mcp', { kind: 'all' }],
		['/mcp/', { kind: 'all' }],
		['/mcp?token=x', { kind: 'all' }],
		['/w/a/mcp', { kind: 'workspace', workspace: 'a' }],
		['/w/a/s/b/mcp/', { kind: 'server', workspace: 'a', server: 'b' }],
		['/w/a/t/b/mcp', { kind: 'toolset', workspace: 'a', toolset: 'b' }],
		['/w/mcp/s/mcp/mcp', { kind: 'server', workspace: 'mcp', server: 'mcp' }],
	])('reads %s', (target, address) => expect(parsed(target)).toEqual(address));

	it('reads back every address that there can be', () => {
		fc.assert(
			fc.property(slug, slug, fc.constantFrom('', '/', '?', '/?a=/b/mcp'), (workspace, server, tail) => {
				const address = { kind: 'server', workspace, server } as const;
				expect(parsed(pathOf(address) + tail)).toEqual(address);
				const toolset = { kind: 'toolset', workspace, toolset: server } as const;
				expect(parsed(pathOf(toolset) + tail)).toEqual(toolset);
				expect(parsed(`/w/${workspace}/mcp${tail}`)).toEqual({ kind: 'workspace', workspace });
			}),
		);
	});

	it('takes one text for one address: what it reads is what was written', () => {
		fc.assert(
			fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
				const target = `/${pieces.join('/')}`;
				const address = parsed(target);
				if (address === 'PC_ADDRESS_UNKNOWN') return;
				const path = target.split('?', 1)[0] as string;
				expect(pathOf(address as Parameters<typeof pathOf>[0])).toBe(path.replace(/\/$/, ''));
			}),
			{ numRuns: 2_000 },
		);
	});

	it('refuses all else with one code', () => {
		fc.assert(
			fc.property(fc.string({ unit: 'binary' }), (target) => {
				const address = parsed(target);
				expect(typeof address === 'object' || address === 'PC_ADDRESS_UNKNOWN').toBe(true);
			}),
		);
	});
});

describe('the doors of an address', () => {
	it.each([
		['/mcp', 'mcp'],
		['/sse', 'sse'],
		['/sse/', 'sse'],
		['/w/a/s/b/sse?x=/mcp', 'sse'],
		['/w/a/messages?sessionId=1', 'messages'],
		['/messages/?a', 'messages'],
		['/w/sse/mcp', 'mcp'],
		['/mcp?/sse', 'mcp'],
		['/xsse', 'mcp'],
		['/SSE', 'mcp'],
		['/%73se', 'mcp'],
		['', 'mcp'],
	])('%s leads to %s', (target, door) => expect(doorOf(target)).toBe(door));

	it('lead to the same addresses, each by its own word', () => {
		const doors = ['mcp', 'sse', 'messages'] as const;
		for (const [prefix, address] of [
			['', { kind: 'all' }],
			['/w/a', { kind: 'workspace', workspace: 'a' }],
			['/w/a/s/b', { kind: 'server', workspace: 'a', server: 'b' }],
		] as const)
			for (const word of doors) {
				const read = doors.map((door) => parsed(`${prefix}/${word}`, door));
				expect(read).toEqual(doors.map((door) => (door === word ? address : 'PC_ADDRESS_UNKNOWN')));
			}
	});
});
