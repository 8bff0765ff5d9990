/** The part of package.json that the dependency rules read. */
export interface Manifest {
	readonly dependencies?: Readonly<Record<string, string>>;
	readonly devDependencies?: Readonly<Record<string, string>>;
	readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const MOST_RUNTIME = 20;
/** One version, perhaps of a package under another name: two versions of one package can then stand side by side. */
const EXACT = /^(npm:(@[\w.-]+\/)?[\w.-]+@)?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/;
/** A row of the table in docs/dependencies.md: the package, and at least a few words on why. */
const ROW = /^\|\s*`([^`]+)`\s*\|\s*(\S.{19,}?)\s*\|$/gm;

const runtimeOf = (manifest: Manifest) => ({ ...manifest.dependencies, ...manifest.optionalDependencies });
const allOf = (manifest: Manifest) => ({ ...runtimeOf(manifest), ...manifest.devDependencies });

/** Few packages run beside the secrets. */
export function countFaults(manifest: Manifest): readonly string[] {
	const count = Object.keys(runtimeOf(manifest)).length;
	return count > MOST_RUNTIME ? [`${count} direct runtime dependencies, more than ${MOST_RUNTIME}`] : [];
}

/** Every version is exact: what was tested is what is installed. */
export function versionFaults(manifest: Manifest): readonly string[] {
	return Object.entries(allOf(manifest))
		.filter(([, version]) => !EXACT.test(version))
		.map(([name, version]) => `${name} asks for ${version}, which is not one version`);
}

/** docs/dependencies.md says why each package is there, and speaks of no other. */
export function reasonFaults(manifest: Manifest, page: string): readonly string[] {
	const explained = [...page.matchAll(ROW)].map((row) => row[1] ?? '');
	const installed = Object.keys(allOf(manifest));
	return [
		...installed.filter((name) => !explained.includes(name)).map((name) => `${name} is not explained`),
		...explained.filter((name) => !installed.includes(name)).map((name) => `${name} is explained but not installed`),
	];
}
