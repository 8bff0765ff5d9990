/**
 * The page where a document is open to everybody, as mcpo's is: it asks for nothing before it shows the API, and finds its
 * files in this folder beside itself, wherever a proxy puts it.
 */
export function openViewerPage(folder: string): { readonly type: string; readonly body: string } {
	return {
		type: 'text/html; charset=utf-8',
		body: `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API · Portcullis</title>
<link rel="stylesheet" href="${folder}/swagger-ui.css">
</head>
<body>
<main id="viewer"></main>
<script src="${folder}/swagger-ui-bundle.js"></script>
<script type="module" src="${folder}/open-viewer.js"></script>
</body>
</html>
`,
	};
}

/** Its script. Where it is looked at is where it is called, whatever the document says of servers. */
export const OPEN_VIEWER_SCRIPT = `const domNode = document.getElementById('viewer');
const base = location.pathname.replace(/\\/(?:docs|redoc)\\/?$/, '');
const answer = await fetch(base + '/openapi.json').catch(() => undefined);
const spec = await answer?.json().catch(() => undefined);
if (answer?.ok && spec !== undefined) {
	SwaggerUIBundle({ spec: { ...spec, servers: [{ url: base === '' ? '/' : base }] }, domNode, validatorUrl: null });
} else {
	domNode.textContent = spec?.detail?.message ?? spec?.detail ?? 'There was no answer.';
}
`;
