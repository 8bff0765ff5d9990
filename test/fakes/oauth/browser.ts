/** A browser as far as signing in goes: it keeps cookies and sends forms. */
export interface TestBrowser {
	/**
	 * Signs in as `login`, agrees to what is asked, and follows until the way leads away from the server: there.
	 */
	signIn(url: string, login: string): Promise<URL>;
}

const MOST_STEPS = 20;

/** One with an empty cookie jar. */
export function createBrowser(): TestBrowser {
	const jar = new Map<string, string>();
	const ask = async (url: string, form?: URLSearchParams): Promise<Response> => {
		const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
		const headers = { cookie, accept: 'text/html' };
		const sent = form === undefined ? {} : { method: 'POST', body: form };
		const answer = await fetch(url, { ...sent, headers, redirect: 'manual' });
		for (const each of answer.headers.getSetCookie()) keep(jar, each);
		return answer;
	};
	return {
		async signIn(url, login) {
			const { origin } = new URL(url);
			let answer = await ask(url);
			let at = url;
			for (let step = 0; step < MOST_STEPS; step++) {
				const location = answer.headers.get('location');
				if (location !== null) {
					const next = new URL(location, at);
					if (next.origin !== origin) return next;
					at = next.href;
					answer = await ask(at);
					continue;
				}
				const page = await answer.text();
				const form = formIn(page, login);
				if (form === undefined) throw new Error(`the sign-in stopped with ${answer.status}: ${page.slice(0, 300)}`);
				at = new URL(form.action, at).href;
				answer = await ask(at, form.fields);
			}
			throw new Error('the sign-in does not end');
		},
	};
}

function keep(jar: Map<string, string>, cookie: string): void {
	const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
	if (value === '' || /expires=Thu, 01 Jan 1970/i.test(cookie)) jar.delete(name);
	else jar.set(name, value);
}

function formIn(
	page: string,
	login: string,
): { readonly action: string; readonly fields: URLSearchParams } | undefined {
	const action = /<form[^>]+action="([^"]+)"/.exec(page)?.[1];
	if (action === undefined) return undefined;
	const prompt = /name="prompt" value="([^"]+)"/.exec(page)?.[1] ?? '';
	const fields = new URLSearchParams({ prompt, ...(prompt === 'login' && { login, password: 'any' }) });
	return { action, fields };
}
