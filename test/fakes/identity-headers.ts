/** What proxies and identity-aware edges set to say who somebody is. Lower case, with dashes. */
export const IDENTITY_HEADERS = [
	'x-tenant-id',
	'x-forwarded-user',
	'x-forwarded-email',
	'x-forwarded-groups',
	'x-forwarded-preferred-username',
] as const;

/** The same, as the beginnings of names, each with the names of it that are in use. */
export const IDENTITY_FAMILIES = {
	'x-user-': ['id', 'email', 'name', 'groups', 'roles'],
	'x-ms-client-principal': ['', '-id', '-name', '-idp'],
	'x-auth-request-': ['user', 'email', 'groups', 'preferred-username', 'access-token'],
	'x-edge-': ['assertion', 'authorization', 'secret'],
	'x-gateway-': ['groups'],
} as const;

/** Every name that a proxy takes away, where it takes names and not beginnings. */
export const IDENTITY_NAMES: readonly string[] = [
	...IDENTITY_HEADERS,
	...Object.entries(IDENTITY_FAMILIES).flatMap(([family, members]) => members.map((member) => family + member)),
];
