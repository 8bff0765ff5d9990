import type { ServerName } from '../credentials/oauth/connections.ts';
import { isSlug } from '../lib/slug.ts';

/** What a request target of these pages asks for. */
export type ConnectTarget =
	| { readonly kind: 'list' | 'sign-in' | 'signed-in' | 'sign-out' | 'signed-out' | 'call' | 'callback' | 'client' }
	| { readonly kind: 'file'; readonly name: string }
	| ({ readonly kind: 'key' | 'connect' | 'disconnect' } & ServerName);

const FIXED: Readonly<Record<string, Exclude<ConnectTarget['kind'], 'file' | 'key' | 'connect' | 'disconnect'>>> = {
	'/connect': 'list',
	'/connect/sign-in': 'sign-in',
	'/connect/signed-in': 'signed-in',
	'/connect/sign-out': 'sign-out',
	'/connect/signed-out': 'signed-out',
	'/connect/call': 'call',
	'/oauth/callback': 'callback',
	'/oauth/client.json': 'client',
};

/** The target, compared as it was sent; `undefined` where there is nothing. A slash at the end is no difference. */
export function parseConnectTarget(target: string): ConnectTarget | undefined {
	const path = pathOf(target);
	if (Object.hasOwn(FIXED, path)) return { kind: FIXED[path] as 'list' };
	const file = /^\/connect\/files\/([a-z.-]{1,40})$/.exec(path)?.[1];
	if (file !== undefined) return { kind: 'file', name: file };
	const [, workspace = '', server = '', kind] = SERVER.exec(path) ?? [];
	if (!isSlug(workspace) || !isSlug(server)) return undefined;
	return { kind: kind as 'key' | 'connect' | 'disconnect', workspace, server };
}

const SERVER = /^\/connect\/w\/([^/]+)\/s\/([^/]+)\/(key|connect|disconnect)$/;

/** The path of a target without a slash at its end. */
export function pathOf(target: string): string {
	const path = target.split('?', 1)[0] as string;
	return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}

/** The query of a target. */
export function queryOf(target: string): URLSearchParams {
	const at = target.indexOf('?');
	return new URLSearchParams(at === -1 ? '' : target.slice(at + 1));
}

/** Where an operation on a server is. */
export function serverPath({ workspace, server }: ServerName, kind: 'key' | 'connect' | 'disconnect'): string {
	return `/connect/w/${workspace}/s/${server}/${kind}`;
}

/** A place that somebody may be brought to after signing in: one of these pages, whatever is asked. */
export function placeAfterSignIn(asked: string | null): string {
	const target = asked === null ? undefined : parseConnectTarget(asked);
	const isPage = target !== undefined && ['list', 'call', 'key', 'disconnect'].includes(target.kind);
	return isPage && asked !== null && asked.length <= 600 && !/[\x00-\x20\x7f\\]/.test(asked) ? asked : '/connect';
}
