import * as z from 'zod';

/** A name of letters, digits and hyphens, as ids and keys have it. */
export const WORD = z.string().regex(/^[a-z0-9]+(-[a-z0-9]+)*$/);

/** Text for people: begins with a capital or a name, ends with a full stop. */
export const SENTENCE = z.string().min(8).max(600).regex(/[.)]$/);

/** An address for people. */
export const LINK = z.string().regex(/^https:\/\/[^\s]+$/);

/** A day as `2026-11-22`. */
export const DAY = z.iso.date();

/** Name of a variable or secret in a template. */
const NAME = z.string().regex(/^[a-z][a-z0-9_]*$/);

/** Text in which `{name}` stands for a variable and `${secret:name}` for a secret. */
export const TEMPLATE = z.string().min(1);

/** What is not secret and differs from installation to installation. */
export const VARIABLE = z
	.strictObject({
		name: NAME.describe('Stands as `{name}` in templates; `--set name=…` gives it.'),
		description: z.string().min(3).describe('What it is.'),
		example: z.string().exactOptional().describe('How one looks.'),
		where: SENTENCE.exactOptional().describe('Where to find it.'),
		kind: z
			.enum(['text', 'host', 'path-parts', 'url', 'file', 'folder'])
			.default('text')
			.describe(
				'`text`; `host`: a host name, also with dots; `path-parts`: several parts of an address with / between them; `url`: a whole ' +
					"address; `file`, `folder`: a path on the gateway's own machine, which only the operator may choose.",
			),
		choices: z.array(z.string()).min(2).exactOptional().describe('The only values that work.'),
		default: z.string().exactOptional().describe('Used when nothing is said.'),
		required: z
			.boolean()
			.default(true)
			.describe('Whether it must be given when it has no default; what needs an absent one is left out.'),
	})
	.meta({ id: 'CatalogueVariable' });

/** What is secret and differs from workspace to workspace, or from person to person. */
export const SECRET = z
	.strictObject({
		name: NAME.describe('Stands as `${secret:name}` in templates; its value is kept in the credential store.'),
		description: z.string().min(3).describe('What it is, and how it looks.'),
		where: SENTENCE.exactOptional().describe('Where to get it.'),
		link: LINK.exactOptional().describe('The page on which to get it.'),
		required: z.boolean().default(true).describe('Whether it must be given; what needs an absent one is left out.'),
	})
	.meta({ id: 'CatalogueSecret' });

/** Kinds of sign-in. */
export const SIGN_IN_KINDS = [
	'none',
	'api-key',
	'user-token',
	'service-account',
	'oauth2-dcr',
	'oauth2-preregistered',
	'oauth2',
] as const;

const TEMPLATES = z.record(z.string().min(1), TEMPLATE);

/** One way to sign in to an endpoint. */
export const SIGN_IN = z
	.strictObject({
		kind: z
			.enum(SIGN_IN_KINDS)
			.describe(
				'`none`; `api-key`; `user-token`: a token of one person; `service-account`: a bot, a service principal or a connection string; ' +
					'`oauth2-dcr`: browser sign-in, the gateway registers itself; `oauth2-preregistered`: browser sign-in with a client that ' +
					'somebody creates at the vendor first; `oauth2`: browser sign-in, registration not confirmed, so try it and else give a client.',
			),
		headers: TEMPLATES.exactOptional().describe('Headers of this sign-in (http and sse).'),
		query: TEMPLATES.exactOptional().describe(
			'Parameters of the address that carry the secret, where the vendor knows no header.',
		),
		env: TEMPLATES.exactOptional().describe('Environment variables of this sign-in (stdio).'),
		secrets: z.array(SECRET).exactOptional().describe('The secrets that its templates name.'),
		scopes: z.array(z.string()).min(1).exactOptional().describe('OAuth scopes to ask for, where the vendor names any.'),
		client: z
			.strictObject({
				where: SENTENCE.describe('How a client is created.'),
				link: LINK.exactOptional().describe('The page on which to do it.'),
			})
			.exactOptional()
			.describe('How to get the OAuth client that `oauth2-preregistered` needs.'),
		note: SENTENCE.exactOptional().describe('When to choose it, or what it does not do.'),
	})
	.meta({ id: 'CatalogueSignIn' });

/** What is known to go wrong, as words that code can act on. */
export const PROBLEM_KINDS = [
	'stdout-noise',
	'ignores-stdin-end',
	'slow-start',
	'slow-stop',
	'huge-list',
	'loose-schemas',
	'unusual-messages',
	'old-protocol',
	'needs-network',
	'needs-backend',
	'needs-program',
	'needs-setup',
	'big-install',
	'much-memory',
	'not-installable',
	'does-not-start',
	'secret-in-address',
	'unsupported-sign-in',
	'local-only',
] as const;

/** Something that whoever uses an endpoint should know. */
export const PROBLEM = z
	.strictObject({
		kind: z
			.enum(PROBLEM_KINDS)
			.describe(
				'`stdout-noise`: prints lines that are no JSON-RPC; `ignores-stdin-end`: runs on when its input ends, so needs a signal; ' +
					'`slow-start`, `slow-stop`; `huge-list`: a list of more than 1 MB in one line; `loose-schemas`: tool schemas that a strict client ' +
					'refuses; `unusual-messages`: sends methods that no revision knows; `old-protocol`: speaks only an old revision; ' +
					'`needs-network`, `needs-backend`: does not answer `initialize` or list its tools without the internet or its database; ' +
					'`needs-program`: another program must be on the machine; `needs-setup`: something must be done at a terminal or by an ' +
					'administrator first; `big-install`: more than 200 MB; `much-memory`: more than 200 MB; `not-installable`, `does-not-start`; ' +
					'`secret-in-address`: the key is part of the address; `unsupported-sign-in`: it wants a sign-in that the gateway cannot do; `local-only`: works only on the machine of the person.',
			),
		text: SENTENCE.describe('The same for people.'),
	})
	.meta({ id: 'CatalogueProblem' });

/** A value that differs from installation to installation. */
export type Variable = z.output<typeof VARIABLE>;

/** A secret that a sign-in needs. */
export type SecretField = z.output<typeof SECRET>;

/** A way to sign in. */
export type SignIn = z.output<typeof SIGN_IN>;
