import { StoreFailure } from '../external/store-failure.ts';
import type { SecretOwner, SecretReference } from './secret-source.ts';

/** One part of a name: nothing in it is special in a URL, and it can be neither `.` nor `..`. */
const PART = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/;

/** The name of a reference, if it is nothing but a name. Throws a `StoreFailure`. */
export function nameOf({ at }: SecretReference): string {
	const name = at['name'];
	if (typeof name === 'string' && name.length <= 512 && name.split('/').every((part) => PART.test(part))) return name;
	throw new StoreFailure('missing', 'the reference is no name of a secret');
}

/**
 * Path of a workspace's secret below its own folder. A name that could mean another place was refused, so that no name
 * leads out of the folder.
 */
export function pathOf(folder: string, { workspace, workspaceId }: SecretOwner, name: string): string {
	return `${folder.replaceAll('{workspace}', workspace).replaceAll('{id}', workspaceId)}/${name}`;
}
