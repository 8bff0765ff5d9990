import type { SignInDirectory } from '../../identity/sign-in/sign-in-directory.ts';
import { foreignName, type Html, html } from '../html.ts';
import type { Page } from './layout.ts';

/** Where somebody chooses the directory to sign in with. */
export function signInPage(directories: readonly SignInDirectory[], to: string): Page {
	const title = 'Sign in to connect your accounts';
	const content = html`<div class="card narrow">
<h1>${title}</h1>
<p class="lead">Some of the servers that you use through this gateway take an account of yours. Here you connect it, and take it away again.</p>
${choices(directories, to)}
</div>`;
	return { title, content };
}

/** After signing out. */
export function signedOutPage(directories: readonly SignInDirectory[]): Page {
	const title = 'You have signed out';
	const content = html`<div class="card narrow">
<h1>${title}</h1>
<p class="lead">You are still signed in at your directory; on a computer that others use, sign out there as well.</p>
${choices(directories, '/connect')}
</div>`;
	return { title, content };
}

function choices(directories: readonly SignInDirectory[], to: string): Html {
	const isSole = directories.length === 1;
	return html`<ul class="choices">${directories.map(({ id, signIn }) => {
		const name = isSole && signIn.title === undefined ? 'Sign in' : `Sign in with ${foreignName(signIn.title ?? id)}`;
		const query = new URLSearchParams({ directory: id, to }).toString();
		return html`<li><a class="button" href="/connect/sign-in?${query}">${name}</a></li>`;
	})}</ul>`;
}
