import type { PortcullisError } from '../../errors/portcullis-error.ts';
import { html } from '../html.ts';
import type { Page } from './layout.ts';

/** A refusal for a person: one sentence, a way on, and what to quote when asking for help. */
export function errorPage(error: PortcullisError, requestId: string): Page {
	const title = 'That did not work';
	const content = html`<div class="card narrow">
<h1>${title}</h1>
<p>${error.sentence}</p>
<div class="buttons"><a class="button" href="/connect">Your connections</a></div>
<p class="fine">${error.code}, request ${requestId}</p>
</div>`;
	return { title, content };
}
