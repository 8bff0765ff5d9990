import type { ProgramEndpoint } from '../catalogue/endpoint-schema.ts';
import type { RuntimeProgram } from '../config/snapshot.ts';

/** The program of a stdio endpoint of the catalogue. */
export function catalogueProgram(endpoint: ProgramEndpoint): RuntimeProgram {
	const { runtime, package: name, version, program, source, minNode } = endpoint;
	return {
		runner: runtime,
		package: name ?? program ?? endpoint.key,
		...(version !== undefined && { version }),
		...(program !== undefined && { program }),
		...(source !== undefined && { source }),
		...(minNode !== undefined && { minNode }),
	};
}
