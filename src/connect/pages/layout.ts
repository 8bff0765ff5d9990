import { type Content, foreignName, type Html, html } from '../html.ts';

/** What is around every page. */
export interface Frame {
	/** Name of whoever is signed in, and the token of the form that signs them out. */
	readonly person: { readonly name: string; readonly formToken: string } | undefined;
}

/** One page. */
export interface Page {
	readonly title: string;
	readonly content: Content;
	/** Sends the browser on by itself. */
	readonly continueAt?: string;
}

/** Where the style sheet and the icon are. */
export const FILES = { style: '/connect/files/style.css', icon: '/connect/files/icon.svg' } as const;

/** A whole document. There is no script in it, and no style but the sheet of ours. */
export function layout({ title, content, continueAt }: Page, { person }: Frame): string {
	const refresh =
		continueAt === undefined ? undefined : html`<meta http-equiv="refresh" content="0; url=${continueAt}">`;
	return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
${refresh}
<title>${title} · Portcullis</title>
<link rel="icon" href="${FILES.icon}" type="image/svg+xml">
<link rel="stylesheet" href="${FILES.style}">
</head>
<body>
<a class="skip" href="#content">Skip to the content</a>
<header class="top">
<div class="bar">
<a class="brand" href="/connect">${ICON}<span>Portcullis</span></a>
${person && personMenu(person)}
</div>
</header>
<main id="content" tabindex="-1">
${content}
</main>
</body>
</html>
`.markup;
}

function personMenu({ name, formToken }: NonNullable<Frame['person']>): Html {
	return html`<div class="person">
<span class="who"><span class="hidden">Signed in as </span><bdi>${foreignName(name)}</bdi></span>
<form method="post" action="/connect/sign-out">
<input type="hidden" name="form" value="${formToken}">
<button class="quiet">Sign out</button>
</form>
</div>`;
}

/** The product's sign, in the colour of the text around it. */
const ICON: Html = html`<svg class="icon" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" focusable="false"><path d="M4 21V10a8 8 0 0 1 16 0v11M8.5 21V3M12 21V2.2M15.5 21V3M4 11h16M4 16h16" fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round"/></svg>`;
