import { ME } from './me.ts';
import type { ResourceParts } from './resource-parts.ts';
import type { Route } from './route.ts';

/** Every operation of the management API, by resource; without a store only those that need none. */
export function createRoutes(parts: ResourceParts | undefined): readonly Route[] {
	return parts === undefined ? [ME] : [ME];
}
