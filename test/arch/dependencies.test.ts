import { describe, expect, it } from 'vitest';
import { countFaults, type Manifest, reasonFaults, versionFaults } from './rules/dependencies.ts';
import { readProjectFile } from './source-files.ts';

const MANIFEST: Manifest = JSON.parse(readProjectFile('package.json'));

describe('dependencies', () => {
	it('are few', () => expect(countFaults(MANIFEST)).toEqual([]));
	it('are exact', () => expect(versionFaults(MANIFEST)).toEqual([]));
	it('are each explained', () => expect(reasonFaults(MANIFEST, readProjectFile('docs/dependencies.md'))).toEqual([]));
});

describe('the rules of dependencies', () => {
	it('count what runs', () => {
		const names = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`p${at}`, '1.0.0']));
		expect(countFaults({ dependencies: names(20), devDependencies: { x: '1.0.0' } })).toEqual([]);
		expect(countFaults({ dependencies: names(20), optionalDependencies: { x: '1.0.0' } })).toHaveLength(1);
	});

	it.each(['^1.0.0', '~1.0.0', '1', '1.x', '*', 'latest', '>=1.0.0', 'github:a/b', 'file:../x', 'npm:x@latest'])(
		'refuse %s',
		(version) => {
			expect(versionFaults({ devDependencies: { x: version } })).toEqual([
				`x asks for ${version}, which is not one version`,
			]);
		},
	);

	it('accept one version, also of a preview or under another name', () => {
		expect(versionFaults({ dependencies: { x: '1.0.0', y: '2.0.0-beta.1', z: 'npm:@a/b@1.0.0' } })).toEqual([]);
	});

	it('want a reason for each package, and none for a package that has gone', () => {
		const page =
			'| `x` | reads the tokens of the directory |\n| `y` | because |\n| `z` | draws pictures of the moon at night |\n';
		expect(reasonFaults({ dependencies: { x: '1.0.0' }, devDependencies: { y: '1.0.0' } }, page)).toEqual([
			'y is not explained',
			'z is explained but not installed',
		]);
	});
});
