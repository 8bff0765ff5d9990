import { ME } from './me.ts';
import type { Route } from './route.ts';

/** Every operation of the management API, by resource. */
export const ROUTES: readonly Route[] = [ME];
