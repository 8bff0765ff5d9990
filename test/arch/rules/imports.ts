import { type Import, importsOf, place } from '../source-files.ts';
import { perFile, type Rule } from './rule.ts';

/** Folders (and top-level files) of `src`, lowest first; a layer imports from the layers before it. */
const LAYERS: readonly (readonly string[])[] = [
	['lib', 'errors', 'mcp', 'catalogue'],
	['config', 'observe'],
	['store', 'runtime'],
	['audit', 'identity', 'router', 'policy', 'limits', 'credentials', 'upstream'],
	['exchange'],
	['pipeline'],
	['edge', 'admin', 'openapi', 'connect', 'bridge'],
	['app-parts', 'public-planes'],
	['app', 'cli'],
	['main'],
];

/** The stages in the order of the path; each may know the types of those before it. */
const STAGES: readonly string[] = ['audit', 'identity', 'router', 'policy', 'limits', 'credentials', 'upstream'];

/** What may be imported within one layer, beside the folder itself. */
const NEIGHBOURS: Readonly<Record<string, readonly string[]>> = {
	lib: ['errors'],
	mcp: ['lib', 'errors'],
	catalogue: ['lib'],
	admin: ['edge'],
	openapi: ['edge'],
	bridge: ['edge', 'openapi'],
	connect: ['edge'],
	cli: ['app'],
};

const folderOf = (path: string): string => /^src\/([^/.]+)/.exec(path)?.[1] ?? '';
const layerOf = (folder: string): number => LAYERS.findIndex((layer) => layer.includes(folder));

function judgeDirection(from: string, edge: Import): string | undefined {
	if (edge.specifier === undefined) return 'computes what it imports; name the module';
	if (edge.target === undefined) return undefined;
	const to = folderOf(edge.target);
	if (to === from) return undefined;
	if (layerOf(to) === -1) return `imports ${edge.target}, which no layer of src holds`;
	if (layerOf(to) < layerOf(from) || NEIGHBOURS[from]?.includes(to)) return undefined;
	if (!STAGES.includes(from) || !STAGES.includes(to)) return `imports ${to}, but ${from} may not know it`;
	if (STAGES.indexOf(to) > STAGES.indexOf(from)) return `imports ${to}, a later stage than ${from}`;
	return edge.typesOnly ? undefined : `imports a value from the stage ${to}; only its types may cross`;
}

/** Imports go down the layers; between stages only types, and only from earlier ones. */
export const directionFaults: Rule = perFile((file) => {
	const from = folderOf(file.path);
	if (layerOf(from) === -1) return [`${file.path} is in no layer; add its folder to the table`];
	return importsOf(file).flatMap((edge) => {
		const fault = judgeDirection(from, edge);
		return fault === undefined ? [] : [`${place(file, edge.node)} ${fault}`];
	});
});

/** No chain of imports, types included, leads back to where it began. */
export const cycleFaults: Rule = (files) => {
	const edges = new Map(files.map((file) => [file.path, importsOf(file).flatMap((edge) => edge.target ?? [])]));
	const done = new Set<string>();
	const visit = (path: string, trail: readonly string[]): string[] => {
		if (trail.includes(path)) return [[...trail.slice(trail.indexOf(path)), path].join(' → ')];
		if (done.has(path)) return [];
		const found = (edges.get(path) ?? []).flatMap((next) => visit(next, [...trail, path]));
		done.add(path);
		return found;
	};
	return [...edges.keys()].flatMap((path) => visit(path, []));
};
