import type { Connection } from '../../credentials/oauth/connections.ts';
import { foreignName, type Html, html } from '../html.ts';
import { serverPath } from '../parse-target.ts';
import type { Page } from './layout.ts';

/** Where nothing is done. */
const BACK = html`<a class="button quiet" href="/connect">Cancel</a>`;

/** Longest value that a form takes, characters. */
export const MOST_VALUE_CHARACTERS = 8_192;

/** The form for the values that a server asks of a person. What was entered before is never shown. */
export function keyPage(connection: Connection, formToken: string): Page {
	const name = nameOf(connection);
	const title = connection.state === 'none' ? `Enter your key for ${name}` : `Replace your key for ${name}`;
	const content = html`<div class="card narrow">
<h1>${title}</h1>
<p class="lead">In the workspace <bdi>${foreignName(connection.workspaceTitle)}</bdi>. It is sealed before it is stored, used for ${whose(connection)}, and never shown again.</p>
<form method="post" action="${serverPath(connection, 'key')}" autocomplete="off">
<input type="hidden" name="form" value="${formToken}">
${connection.asks.map(field)}
<div class="buttons"><button>Save</button>${BACK}</div>
</form>
</div>`;
	return { title, content };
}

function whose({ whose: owner }: Connection): string {
	return owner === 'workspace' ? 'the calls of everybody in the workspace' : 'your calls alone';
}

function stored({ whose: owner }: Connection): string {
	return owner === 'workspace' ? 'What everybody in the workspace calls with' : 'Your stored access';
}

function field(name: string, at: number): Html {
	return html`<label for="value-${at}"><bdi>${foreignName(name)}</bdi></label>
<input id="value-${at}" name="value.${name}" type="password" required maxlength="${MOST_VALUE_CHARACTERS}" autocomplete="new-password" autocapitalize="off" spellcheck="false">
`;
}

/** Asks whether somebody means it. */
export function disconnectPage(connection: Connection, formToken: string): Page {
	const name = nameOf(connection);
	const title = `Disconnect ${name}?`;
	const account = connection.connectedAs;
	const as = account === undefined ? undefined : html` It is connected as <b><bdi>${foreignName(account)}</bdi></b>.`;
	const revoked = connection.way === 'oauth' ? ', and the service is told that it is no longer valid' : '';
	const content = html`<div class="card narrow">
<h1>${title}</h1>
<p>In the workspace <bdi>${foreignName(connection.workspaceTitle)}</bdi>.${as}</p>
<p>${stored(connection)} is deleted${revoked}. Calls that need it are refused until it is connected again.</p>
<div class="buttons">
<form method="post" action="${serverPath(connection, 'disconnect')}">
<input type="hidden" name="form" value="${formToken}">
<button class="danger">Disconnect</button>
</form>
${BACK}
</div>
</div>`;
	return { title, content };
}

/** Sends somebody on to the service; a form may not lead to another site, so the page does. */
export function continuePage(connection: Connection, url: URL): Page {
	const title = `Going on to ${nameOf(connection)}`;
	const content = html`<div class="card narrow">
<h1>${title}</h1>
<p>You sign in at <b>${url.host}</b>, and come back here afterwards.</p>
<div class="buttons"><a class="button" href="${url.href}">Continue</a>${BACK}</div>
</div>`;
	return { title, content, continueAt: url.href };
}

function nameOf({ title, server }: Connection): string {
	return foreignName(title === '' ? server : title);
}
