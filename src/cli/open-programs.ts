import { join } from 'node:path';
import type { AppParts } from '../app-parts.ts';
import { type Environment, runnerVariables } from '../config/environment.ts';
import { createRuntime, type Runtime } from '../runtime/runtime.ts';

/** The runtime folder of the settings. */
export function openRuntime({ runtimeFolder, dataFolder }: Environment, env: NodeJS.ProcessEnv): Runtime {
	const folder = runtimeFolder === '' ? join(dataFolder, 'runtime') : runtimeFolder;
	return createRuntime({ folder, env: runnerVariables(env) });
}

/** The programs that servers may run, and where they keep what is theirs. */
export function openPrograms(environment: Environment, env: NodeJS.ProcessEnv): NonNullable<AppParts['programs']> {
	const files = environment.filesFolder === '' ? undefined : environment.filesFolder;
	return { runtime: openRuntime(environment, env), homes: join(environment.dataFolder, 'homes'), files };
}
