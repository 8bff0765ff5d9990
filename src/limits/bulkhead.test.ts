import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Server } from '../config/snapshot.ts';
import { type Answer, messageAnswer, type StreamEnd } from '../mcp/answer.ts';
import { createBulkhead } from './bulkhead.ts';

const serverOf = (workspaceId: string, slug: string, concurrency: number) =>
	({ workspaceId, slug, limits: { concurrency } }) as Server;

interface Held {
	readonly answer: Promise<Answer>;
	end(how: 'answer' | 'stream' | 'error'): Promise<void>;
}

function hold(bulkhead: ReturnType<typeof createBulkhead>, server: Server, pump: () => Promise<StreamEnd>): Held {
	let settle = (_: 'answer' | 'stream' | 'error'): void => undefined;
	const ended = new Promise<Answer>((resolve, reject) => {
		settle = (how) => {
			if (how === 'error') reject(new Error('planned'));
			else resolve(how === 'answer' ? messageAnswer('{}') : { kind: 'stream', headers: {}, pump });
		};
	});
	ended.catch(() => undefined);
	const answer = bulkhead.within(server, () => ended);
	answer.catch(() => undefined);
	return {
		answer,
		async end(how) {
			settle(how);
			await answer.catch(() => undefined);
		},
	};
}

const SINK = { write: () => undefined, last: async () => undefined };

describe('the room at servers', () => {
	it('is for so many calls and no more, told each time, and each server has its own', async () => {
		let full = 0;
		const bulkhead = createBulkhead(() => full++);
		const server = serverOf('w', 's', 2);
		const first = hold(bulkhead, server, async () => 'complete');
		const second = hold(bulkhead, server, async () => 'complete');
		await expect(bulkhead.within(server, async () => messageAnswer('{}'))).rejects.toMatchObject({
			code: 'PC_SERVER_BUSY',
		});
		expect(full).toBe(1);
		for (const other of [serverOf('w', 't', 2), serverOf('v', 's', 2)]) {
			expect((await bulkhead.within(other, async () => messageAnswer('{}'))).kind).toBe('message');
		}
		await first.end('answer');
		expect((await bulkhead.within(server, async () => messageAnswer('{}'))).kind).toBe('message');
		await second.end('error');
		expect(bulkhead.inFlight()).toBe(0);
	});

	it('does not begin a call there is no room for', async () => {
		const bulkhead = createBulkhead(() => undefined);
		const held = hold(bulkhead, serverOf('w', 's', 1), async () => 'complete');
		let begun = 0;
		const call = async (): Promise<Answer> => {
			begun++;
			return messageAnswer('{}');
		};
		await bulkhead.within(serverOf('w', 's', 1), call).catch(() => undefined);
		expect(begun).toBe(0);
		await held.end('answer');
		await bulkhead.within(serverOf('w', 's', 1), call);
		expect(begun).toBe(1);
	});

	it('is taken by a stream until that has ended, well or not', async () => {
		const bulkhead = createBulkhead(() => undefined);
		for (const pump of [async () => 'complete' as const, () => Promise.reject(new Error('planned'))]) {
			const held = hold(bulkhead, serverOf('w', 's', 1), pump);
			await held.end('stream');
			expect(bulkhead.inFlight()).toBe(1);
			const answer = await held.answer;
			if (answer.kind === 'stream') await answer.pump(SINK).catch(() => undefined);
			expect(bulkhead.inFlight()).toBe(0);
		}
	});

	it('is all free when all calls have ended, in whatever order and however they end', async () => {
		const END = fc.constantFrom('answer' as const, 'stream' as const, 'error' as const);
		await fc.assert(
			fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom('s', 't'), END), { maxLength: 30 }), async (calls) => {
				const bulkhead = createBulkhead(() => undefined);
				const held = calls.map(([slug, how]) => {
					return { how, it: hold(bulkhead, serverOf('w', slug, 5), async () => 'cut') };
				});
				const room = ['s', 't'].map((slug) => Math.min(5, calls.filter(([each]) => each === slug).length));
				expect(bulkhead.inFlight()).toBe((room[0] ?? 0) + (room[1] ?? 0));
				for (const { it, how } of held) await it.end(how);
				for (const { it } of held) {
					const answer = await it.answer.catch(() => undefined);
					if (answer?.kind === 'stream') await answer.pump(SINK);
				}
				expect(bulkhead.inFlight()).toBe(0);
			}),
			{ numRuns: 50 },
		);
	});
});
