/** A browser as far as it keeps cookies: by host, never following a redirect by itself. */
export interface Visits {
	/** Names of the cookies that are kept, with their values. */
	readonly cookies: Map<string, string>;
	get(url: string, headers?: Readonly<Record<string, string>>): Promise<Visited>;
	/** Sends a form. */
	post(
		url: string,
		fields: Readonly<Record<string, string>>,
		headers?: Readonly<Record<string, string>>,
	): Promise<Visited>;
}

/** What was answered. */
export interface Visited {
	readonly status: number;
	readonly headers: Headers;
	readonly text: string;
	/** `Set-Cookie` lines as they were sent. */
	readonly set: readonly string[];
	readonly location: string;
	/** The token of the page's forms. */
	readonly form: string;
}

/** A browser of somebody who has been nowhere yet. */
export function createVisits(): Visits {
	const cookies = new Map<string, string>();

	async function ask(url: string, init: RequestInit): Promise<Visited> {
		const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
		const headers = { ...(cookie !== '' && { cookie }), ...(init.headers as Record<string, string>) };
		const response = await fetch(url, { ...init, headers, redirect: 'manual' });
		const set = response.headers.getSetCookie();
		for (const line of set) keep(line);
		const text = await response.text();
		const form = /name="form" value="([^"]+)"/.exec(text)?.[1] ?? '';
		return {
			status: response.status,
			headers: response.headers,
			text,
			set,
			form,
			location: response.headers.get('location') ?? '',
		};
	}

	function keep(line: string): void {
		const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
		if (/; Max-Age=0(?:;|$)/.test(line)) cookies.delete(name);
		else cookies.set(name, value);
	}

	return {
		cookies,
		get: (url, headers = {}) => ask(url, { headers }),
		post(url, fields, headers = {}) {
			const own = { 'content-type': 'application/x-www-form-urlencoded', origin: new URL(url).origin };
			return ask(url, {
				method: 'POST',
				headers: { ...own, ...headers },
				body: new URLSearchParams(fields).toString(),
			});
		},
	};
}
