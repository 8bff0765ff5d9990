import type { Connection } from '../../credentials/oauth/connections.ts';
import { foreignName, foreignText, type Html, html } from '../html.ts';
import { serverPath } from '../parse-target.ts';
import type { Page } from './layout.ts';

/** What was done just now, told at the top of the list. */
export type Done = 'connected' | 'disconnected' | 'saved';

/** What the list shows. */
export interface ConnectionsShown {
	readonly connections: readonly Connection[];
	readonly formToken: string;
	readonly done: Done | undefined;
	/** The one that a refused call asked for; shown first, and above the others. */
	readonly asked?: Connection;
}

const DONE: Readonly<Record<Done, string>> = {
	connected: 'Your account is connected. You can go back to where you came from and try again.',
	disconnected: 'Your account is disconnected.',
	saved: 'What you entered is kept, sealed. You can go back to where you came from and try again.',
};

/** What was done, by the word of the address; `undefined` for any other. */
export function doneOf(word: string | null): Done | undefined {
	return word !== null && Object.hasOwn(DONE, word) ? (word as Done) : undefined;
}

/** The list of somebody's servers, by workspace. */
export function connectionsPage({ connections, formToken, done, asked }: ConnectionsShown): Page {
	const title = 'Your connections';
	const note = done && html`<p class="note" role="status">${DONE[done]}</p>`;
	const others = connections.filter((each) => each !== asked);
	const content = html`${note}<h1>${title}</h1>
${connections.length === 0 ? NOTHING : LEAD}
${asked && askedFor(asked, formToken)}
${[...byWorkspace(others)].map((each) => workspace(each, formToken))}`;
	return { title, content };
}

const LEAD = html`<p class="lead">Services that take your own account. What you connect here is used for your calls and for nobody else’s.</p>`;

const NOTHING = html`<p class="lead">None of the servers you can use asks for an account of yours, so there is nothing to do here.</p>`;

function askedFor(connection: Connection, formToken: string): Html {
	const isDone = connection.state === 'ok';
	const sentence = isDone ? 'Connected: you can call again' : 'A call of yours needs this account';
	return html`<section aria-labelledby="asked">
<h2 id="asked">${sentence}</h2>
<ul class="rows">${row(connection, formToken)}</ul>
</section>
`;
}

function byWorkspace(connections: readonly Connection[]): ReadonlyMap<string, readonly Connection[]> {
	const grouped = new Map<string, Connection[]>();
	for (const each of connections) grouped.set(each.workspace, [...(grouped.get(each.workspace) ?? []), each]);
	return grouped;
}

function workspace([slug, connections]: readonly [string, readonly Connection[]], formToken: string): Html {
	const title = foreignName(connections[0]?.workspaceTitle ?? slug);
	return html`<section aria-labelledby="w-${slug}">
<h2 id="w-${slug}"><bdi>${title}</bdi></h2>
<ul class="rows">${connections.map((each) => row(each, formToken))}</ul>
</section>
`;
}

const STATES: Readonly<Record<Connection['state'], string>> = {
	none: 'Not connected',
	ok: 'Connected',
	'needs-attention': 'Needs attention',
};

function row(connection: Connection, formToken: string): Html {
	const { state, title, server } = connection;
	return html`<li class="row">
<div>
<div class="title"><h3><bdi>${foreignName(title === '' ? server : title)}</bdi></h3><span class="state ${state}">${STATES[state]}</span></div>
${trouble(connection)}
${facts(connection)}
</div>
<div class="actions">${actions(connection, formToken)}</div>
</li>
`;
}

function trouble({ state, needsAttention }: Connection): Html | undefined {
	if (state !== 'needs-attention') return undefined;
	return html`<p class="trouble">${foreignText(needsAttention ?? 'It does not work any more; connect it again.', 500)}</p>`;
}

function facts({ state, whose, way, connectedAs, since, expiresAt }: Connection): Html {
	const shared = whose === 'workspace' ? 'One account for everybody in the workspace' : undefined;
	if (state === 'none') {
		const what = way === 'values' ? 'Takes a key of yours' : 'You sign in at the service';
		return html`<p class="facts">${shared ?? what}</p>`;
	}
	const known = [
		shared,
		connectedAs === undefined ? undefined : html`as <b><bdi>${foreignName(connectedAs)}</bdi></b>`,
		since === undefined ? undefined : html`since ${moment(since, 'day')}`,
		expiresAt === undefined ? undefined : html`until ${moment(expiresAt, 'minute')}`,
	].filter((each) => each !== undefined);
	return html`<p class="facts">${known.map((each, at) => (at === 0 ? each : html` · ${each}`))}</p>`;
}

const MONTHS = [
	...['January', 'February', 'March', 'April', 'May', 'June'],
	...['July', 'August', 'September', 'October', 'November', 'December'],
];

// Nobody knows the reader's time zone without a script, so it is said which one it is.
function moment(ms: number, exact: 'day' | 'minute'): Html {
	const date = new Date(ms);
	const iso = Number.isNaN(date.getTime()) ? '' : date.toISOString();
	const day = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
	const text = exact === 'day' ? day : `${day}, ${iso.slice(11, 16)} UTC`;
	return iso === '' ? html`an unknown day` : html`<time datetime="${iso}">${text}</time>`;
}

function actions(connection: Connection, formToken: string): Html {
	const { state, title, server } = connection;
	const named = html`<span class="hidden"> ${foreignName(title === '' ? server : title)}</span>`;
	const disconnect =
		state === 'none'
			? undefined
			: html`<a class="button quiet" href="${serverPath(connection, 'disconnect')}">Disconnect${named}</a>`;
	return html`${primary(connection, formToken, named)}${disconnect}`;
}

function primary(connection: Connection, formToken: string, named: Html): Html | undefined {
	const { state, way } = connection;
	if (way === 'values') {
		const [words, look] = state === 'ok' ? ['Replace', ' quiet'] : ['Enter key', ''];
		return html`<a class="button${look}" href="${serverPath(connection, 'key')}">${words}${named}</a>`;
	}
	if (state === 'ok') return undefined;
	return html`<form method="post" action="${serverPath(connection, 'connect')}">
<input type="hidden" name="form" value="${formToken}">
<button>${state === 'none' ? 'Connect' : 'Connect again'}${named}</button>
</form>`;
}
