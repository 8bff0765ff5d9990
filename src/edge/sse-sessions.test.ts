import { describe, expect, it } from 'vitest';
import { errorCode } from '../errors/portcullis-error.ts';
import type { Principal } from '../identity/principal.ts';
import type { Address } from '../mcp/address.ts';
import { createSseSessions, MAX_CALLS, MAX_STREAMS } from './sse-sessions.ts';

const person = (key: string, ...slugs: string[]): Principal => {
	const grants = new Map(slugs.map((slug) => [slug, { workspace: slug, level: 'write', rules: [] } as const]));
	return { key, grants } as unknown as Principal;
};
const [ADA, BOB] = [person('ada'), person('bob')];
const HERE: Address = { kind: 'server', workspace: 'google', server: 'files' };
const THERE: Address = { kind: 'workspace', workspace: 'google' };

function codeOf(act: () => unknown): unknown {
	try {
		act();
	} catch (error) {
		return errorCode(error);
	}
	return undefined;
}

function fakeStream() {
	const ends: number[] = [];
	return { ends, send: async () => undefined, end: () => void ends.push(1) };
}

describe('a session of HTTP+SSE', () => {
	it('is found by its owner at its address, and by nobody else', () => {
		const sessions = createSseSessions();
		const { id } = sessions.begin(ADA, HERE);
		expect(sessions.find(id, ADA, HERE).id).toBe(id);
		for (const find of [
			() => sessions.find(id, BOB, HERE),
			() => sessions.find(id, ADA, THERE),
			() => sessions.find('', ADA, HERE),
			() => sessions.find('__proto__', ADA, HERE),
			() => sessions.find(`${id}x`, ADA, HERE),
		])
			expect(codeOf(find)).toBe('PC_SESSION_UNKNOWN');
	});

	it('has an id of 128 random bits', () => {
		const sessions = createSseSessions();
		const ids = Array.from({ length: 20 }, (_, index) => sessions.begin(person(`p${index}`), HERE).id);
		expect(new Set(ids).size).toBe(20);
		for (const id of ids) expect(id).toMatch(/^[A-Za-z0-9_-]{22}$/);
	});

	it('is one of a few that a person may have, and makes room when it closes, once', () => {
		const sessions = createSseSessions();
		const open = Array.from({ length: MAX_STREAMS }, () => sessions.begin(ADA, HERE));
		expect(codeOf(() => sessions.begin(ADA, THERE))).toBe('PC_TOO_MANY_OPEN');
		expect(codeOf(() => sessions.begin(BOB, HERE))).toBeUndefined();
		open[0]?.close();
		open[0]?.close();
		expect(codeOf(() => sessions.begin(ADA, HERE))).toBeUndefined();
		expect(codeOf(() => sessions.begin(ADA, HERE))).toBe('PC_TOO_MANY_OPEN');
	});

	it('tells whoever waits when it closes, and is unknown from then on', () => {
		const sessions = createSseSessions();
		const session = sessions.begin(ADA, HERE);
		session.close();
		expect([errorCode(session.gone.reason), session.unheard.aborted]).toEqual(['PC_CALL_CANCELLED', true]);
		expect(codeOf(() => sessions.find(session.id, ADA, HERE))).toBe('PC_SESSION_UNKNOWN');
	});

	it('takes so many calls at once, and again as they end', () => {
		const session = createSseSessions().begin(ADA, HERE);
		const running = Array.from({ length: MAX_CALLS }, () => session.beginCall('1'));
		expect(codeOf(() => session.beginCall('"x"'))).toBe('PC_TOO_MANY_OPEN');
		running[0]?.();
		expect(codeOf(() => session.beginCall('1'))).toBeUndefined();
	});

	it('that is retired ends its stream after the last call, or at once, and hears no more of the server', () => {
		const sessions = createSseSessions();
		const [busy, idle, opening] = [sessions.begin(ADA, HERE), sessions.begin(ADA, HERE), sessions.begin(ADA, HERE)];
		const [busyStream, idleStream, openingStream] = [fakeStream(), fakeStream(), fakeStream()];
		busy.attach(busyStream);
		idle.attach(idleStream);
		const endCall = busy.beginCall('1');
		sessions.retire(() => true);
		opening.attach(openingStream);
		expect([busyStream.ends.length, idleStream.ends.length, openingStream.ends.length]).toEqual([0, 1, 1]);
		expect([busy.retired, busy.unheard.aborted, busy.gone.aborted]).toEqual([true, true, false]);
		endCall();
		expect(busyStream.ends.length).toBe(1);
	});

	it('is retired for what any token showed of its owner, the latest of those that showed the same', () => {
		const [first, again, other] = [person('ada', 'google'), person('ada', 'google'), person('ada', 'microsoft')];
		const opened = () => {
			const sessions = createSseSessions();
			const session = sessions.begin(first, HERE);
			sessions.find(session.id, other, HERE);
			sessions.find(session.id, again, HERE);
			return { sessions, session };
		};
		const ends = ([first, again, other, BOB] as const).map((affected) => {
			const { sessions, session } = opened();
			sessions.retire((principal) => principal === affected);
			return session.retired;
		});
		expect(ends).toEqual([false, true, true, false]);
	});

	it('cannot be written to before its stream is there', async () => {
		await expect(createSseSessions().begin(ADA, HERE).send('x')).rejects.toThrow('cancelled');
	});
});
