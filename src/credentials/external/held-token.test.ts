import { describe, expect, it } from 'vitest';
import { createHeldToken, type FreshToken } from './held-token.ts';

const NEVER = new AbortController().signal;

/** A token in a time that moves only when it is told to. */
function kept(life: Partial<FreshToken> = {}, renew?: (token: string) => Promise<FreshToken>) {
	const time = { now: 0, obtained: 0 };
	const held = createHeldToken({
		obtain: async () => ({ token: `t${++time.obtained}`, validMs: 3_000, ...life }),
		...(renew && { renew }),
		steadyNow: () => time.now,
	});
	return { held, time };
}

describe('a token that is kept', () => {
	it('is asked for once for all who wait, and used until two thirds of its life are over', async () => {
		const { held, time } = kept();
		expect(await Promise.all([held.get(NEVER), held.get(NEVER)])).toEqual(['t1', 't1']);
		time.now = 1_999;
		expect(await held.get(NEVER)).toBe('t1');
		time.now = 2_000;
		expect(await held.get(NEVER)).toBe('t2');
	});

	it('is prolonged where its issuer does that, and replaced when it no longer does', async () => {
		const answers = [{ token: 't1', validMs: 3_000, isRenewable: true }];
		const { held, time } = kept({ isRenewable: true }, async () => {
			const next = answers.shift();
			if (next === undefined) throw new Error('at its longest life');
			return next;
		});
		await held.get(NEVER);
		time.now = 2_500;
		expect([await held.get(NEVER), time.obtained]).toEqual(['t1', 1]);
		time.now = 5_000;
		expect([await held.get(NEVER), time.obtained]).toEqual(['t2', 2]);
	});

	it('is not prolonged after its end', async () => {
		let renewed = 0;
		const { held, time } = kept({ isRenewable: true }, async () => {
			renewed += 1;
			return { token: 'late', validMs: 1 };
		});
		await held.get(NEVER);
		time.now = 3_000;
		expect([await held.get(NEVER), renewed]).toEqual(['t2', 0]);
	});

	it('is forgotten when it was not taken, but not for the sake of an older one', async () => {
		const { held } = kept();
		await held.get(NEVER);
		held.forget('another');
		expect(await held.get(NEVER)).toBe('t1');
		held.forget('t1');
		expect(await held.get(NEVER)).toBe('t2');
	});

	it('comes for the others when one of them stops waiting', async () => {
		let give: (token: FreshToken) => void = () => undefined;
		const held = createHeldToken({
			obtain: () =>
				new Promise<FreshToken>((resolve) => {
					give = resolve;
				}),
			steadyNow: () => 0,
		});
		const stop = new AbortController();
		const [impatient, patient] = [held.get(stop.signal), held.get(NEVER)];
		stop.abort(new Error('enough'));
		await expect(impatient).rejects.toThrow('enough');
		give({ token: 't', validMs: 1_000 });
		expect(await patient).toBe('t');
	});

	it('fails for everybody who waited, and is asked for again by the next', async () => {
		let asked = 0;
		const held = createHeldToken({
			async obtain() {
				asked += 1;
				if (asked === 1) throw new Error('down');
				return { token: 't', validMs: 1_000 };
			},
			steadyNow: () => 0,
		});
		await Promise.all([1, 2].map(() => expect(held.get(NEVER)).rejects.toThrow('down')));
		expect([await held.get(NEVER), asked]).toEqual(['t', 2]);
	});
});
