import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { OPEN_VIEWER_SCRIPT } from './open-viewer.ts';

/** A page or file of the viewer, as it is sent. */
export interface ViewerFile {
	readonly type: string;
	readonly body: string | Buffer;
}

/** A file that anybody may keep. */
export interface KeptFile extends ViewerFile {
	/** `ETag` of its text. */
	readonly tag: string;
}

/** Where the viewer's files stand, the same for all its pages. */
export const VIEWER_FOLDER = 'docs-files';

const HTML = 'text/html; charset=utf-8';
const SCRIPT = 'text/javascript; charset=utf-8';
const STYLE = 'text/css; charset=utf-8';

/**
 * Headers of the page. Swagger UI styles its elements in place; nothing else is inline, nothing comes from elsewhere, and
 * no page may frame it.
 */
export const VIEWER_HEADERS: Readonly<Record<string, string>> = {
	'content-security-policy':
		"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
		"font-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	'x-content-type-options': 'nosniff',
	'referrer-policy': 'no-referrer',
};

/** The page of every address: it is the same for all, and asks who reads it before it asks for a document. */
export const VIEWER_PAGE: ViewerFile = {
	type: HTML,
	body: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API · Portcullis</title>
<link rel="stylesheet" href="/${VIEWER_FOLDER}/swagger-ui.css">
<link rel="stylesheet" href="/${VIEWER_FOLDER}/viewer.css">
</head>
<body>
<form id="sign-in">
<h1>Who reads this?</h1>
<p>The document shows the tools that <em>you</em> may use. The token stays in this page and is forgotten with it.</p>
<label for="token">Access token or API key</label>
<input id="token" type="password" autocomplete="off" spellcheck="false" required>
<button>Show the API</button>
<p id="fault" role="alert"></p>
</form>
<main id="viewer"></main>
<script src="/${VIEWER_FOLDER}/swagger-ui-bundle.js"></script>
<script src="/${VIEWER_FOLDER}/viewer.js"></script>
</body>
</html>
`,
};

const VIEWER_SCRIPT = `const form = document.getElementById('sign-in');
const fault = document.getElementById('fault');
const base = location.pathname.replace(/\\/docs\\/?$/, '');
form.addEventListener('submit', async (event) => {
	event.preventDefault();
	const authorization = 'Bearer ' + document.getElementById('token').value.trim();
	const answer = await fetch(base + '/openapi.json', { headers: { authorization } }).catch(() => undefined);
	const spec = await answer?.json().catch(() => undefined);
	if (!answer?.ok || spec === undefined) {
		const detail = spec?.detail;
		fault.textContent = detail?.message ?? detail ?? 'The gateway did not answer.';
		return;
	}
	// Where it is looked at is where it is called.
	spec.servers = [{ url: base === '' ? '/' : base }];
	form.remove();
	SwaggerUIBundle({
		spec,
		domNode: document.getElementById('viewer'),
		validatorUrl: null,
		requestInterceptor(request) {
			request.headers.authorization = authorization;
			return request;
		},
	});
});
`;

const VIEWER_STYLE = `body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: #1c2733; background: #fafbfc; }
#sign-in { max-width: 32rem; margin: 12vh auto 0; padding: 2rem; background: #fff; border: 1px solid #d7dee6; border-radius: 8px; }
#sign-in h1 { margin: 0 0 .5rem; font-size: 1.4rem; }
#sign-in label { display: block; margin-top: 1rem; font-weight: 600; }
#sign-in input { box-sizing: border-box; width: 100%; margin: .25rem 0 1rem; padding: .6rem; font: inherit; border: 1px solid #8a99a8; border-radius: 4px; }
#sign-in button { padding: .6rem 1.2rem; font: inherit; color: #fff; background: #1f5fa8; border: 0; border-radius: 4px; cursor: pointer; }
#fault { min-height: 1.5em; margin: 1rem 0 0; color: #a3241b; }
`;

const LIBRARY: Readonly<Record<string, string>> = { 'swagger-ui.css': STYLE, 'swagger-ui-bundle.js': SCRIPT };

/** Reads the files of the viewer, each when it is first asked for; `undefined` for all other names. */
export function createViewerFiles(): (name: string) => KeptFile | undefined {
	const files = new Map<string, KeptFile>([
		['viewer.js', keptFile(SCRIPT, VIEWER_SCRIPT)],
		['open-viewer.js', keptFile(SCRIPT, OPEN_VIEWER_SCRIPT)],
		['viewer.css', keptFile(STYLE, VIEWER_STYLE)],
	]);
	return (name) => {
		const known = files.get(name);
		const type = Object.hasOwn(LIBRARY, name) ? LIBRARY[name] : undefined;
		if (known !== undefined || type === undefined) return known;
		const file = keptFile(type, readFileSync(join(libraryFolder(), name)));
		files.set(name, file);
		return file;
	};
}

function keptFile(type: string, body: string | Buffer): KeptFile {
	return { type, body, tag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` };
}

function libraryFolder(): string {
	return join(dirname(createRequire(import.meta.url).resolve('@fastify/swagger-ui/package.json')), 'static');
}
