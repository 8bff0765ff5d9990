import type { Directory, SignInAccess } from '../../config/snapshot.ts';
import type { Secret } from '../../lib/secret.ts';

/** A directory at which people can sign in. */
export interface SignInDirectory extends Directory {
	readonly signIn: SignInAccess & { readonly clientSecret: Secret };
}

/** Whether people of the directory can sign in with a browser. */
export function isForSignIn(directory: Directory): directory is SignInDirectory {
	return directory.signIn?.clientSecret !== undefined;
}
