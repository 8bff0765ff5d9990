import { describe, expect, it } from 'vitest';
import { importsOf, SOURCES } from './source-files.ts';

const OWN = /^src\/(?:bridge\/|cli\/(?:bridge|bridge-settings|serve-bridge)(?:\.test)?\.ts$)/;

describe('a bridge, which may let everybody in,', () => {
	it('is known to its own command alone', () => {
		const strangers = SOURCES.filter(({ path }) => !OWN.test(path)).filter((file) =>
			importsOf(file).some(
				({ target = '', typesOnly }) => !typesOnly && /^src\/(?:bridge\/|cli\/serve-bridge)/.test(target),
			),
		);
		expect(strangers.map(({ path }) => path)).toEqual([]);
		const givers = SOURCES.filter(({ path }) => /^src\/cli\//.test(path) && path !== 'src/cli/serve-bridge.ts')
			.filter(({ tree }) => /\bcreateApp\(/.test(tree.text) && /\bbridge\b/.test(tree.text))
			.map(({ path }) => path);
		expect(givers).toEqual([]);
	});

	it('is there', () => {
		expect(SOURCES.filter(({ path }) => OWN.test(path)).length).toBeGreaterThan(8);
	});
});
