import { StoreFailure } from '../external/store-failure.ts';

/** Whose secret is wanted. */
export interface SecretOwner {
	readonly workspaceId: string;
	/** Slug of the workspace. */
	readonly workspace: string;
}

/** One part of a name: nothing in it is special in a URL, and it can be neither `.` nor `..`. */
const PART = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/;

/**
 * Path of a workspace's secret below its own folder. A name that could mean another place is refused, so that no name
 * leads out of the folder.
 */
export function pathOf(folder: string, { workspace, workspaceId }: SecretOwner, name: string): string {
	const parts = name.split('/');
	if (name.length > 512 || !parts.every((part) => PART.test(part))) {
		throw new StoreFailure('missing', 'the reference is no name of a secret');
	}
	const own = folder.replaceAll('{workspace}', workspace).replaceAll('{id}', workspaceId);
	return `${own}/${parts.join('/')}`;
}
