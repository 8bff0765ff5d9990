import fc from 'fast-check';
import { expect, it } from 'vitest';
import { scopeKey } from './scope.ts';

it('gives one key to one scope, and different keys to different scopes', () => {
	const text = fc.oneof(fc.constantFrom('', 'a', 'a"', 'a,b', '["a"]', 'null', '\n'), fc.string({ maxLength: 4 }));
	const scope = fc.record({
		workspace: text,
		server: text,
		revision: text,
		credential: text,
		principal: fc.option(text, { nil: null }),
	});
	fc.assert(
		fc.property(scope, scope, (a, b) => {
			const same = Object.entries(a).every(([name, value]) => b[name as keyof typeof b] === value);
			expect(scopeKey(a) === scopeKey(b)).toBe(same);
			expect(scopeKey({ ...a })).toBe(scopeKey(a));
		}),
	);
});
