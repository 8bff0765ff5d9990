import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Connection } from '../../src/credentials/oauth/connections.ts';
import { createCertificate } from '../fakes/certificate.ts';
import { machineChromium, startBrowser, type TestBrowser } from '../fakes/chromium.ts';
import { ADA, BOB, type ConnectStage, startConnectStage } from '../fakes/connect-stage.ts';
import { ALL_STATES, HOSTILE_NAMES, OTHER_STATES } from '../fakes/connect-states.ts';
import { connectionOf, scriptedConnections } from '../fakes/connections.ts';

const hasChromium = machineChromium() !== undefined;
if (!hasChromium) process.stdout.write('SKIPPED: the pages in a browser: this machine has no Chromium\n');

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SIZES = { wide: { width: 1_100, height: 900 }, phone: { width: 360, height: 740 } };

/** What axe finds wrong, and whether anything is wider than the window. */
const FIND_FAULTS = `axe.run().then(({ violations }) => {
	const { scrollWidth, clientWidth } = document.documentElement;
	const wide = scrollWidth > clientWidth ? [scrollWidth + ' wide in ' + clientWidth] : [];
	return [...violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]), ...wide];
})`;

/** What has the focus, and how that can be seen. */
const FOCUSED = `[
	document.activeElement.innerText.replace(/\\s+/g, ' ').trim(),
	getComputedStyle(document.activeElement).outlineStyle,
]`;

/** What is there that names of others could have brought. */
interface Seen {
	readonly hit: boolean;
	readonly foreign: number;
	readonly actions: readonly string[];
	readonly text: string;
}

const SEEN = `({
	hit: 'hit' in globalThis,
	foreign: document.querySelectorAll(
		'script, img, iframe, main svg, meta[http-equiv], base, object, [onerror], [onfocus]',
	).length,
	actions: [...document.forms].map((form) => form.action),
	text: document.body.innerText,
})`;

describe.skipIf(!hasChromium)('the pages in a browser', () => {
	let folder: string;
	let stage: ConnectStage;
	let browser: TestBrowser;
	let profile: BrowserContext;
	let page: Page;
	let at: string;
	let shown: readonly Connection[] = ALL_STATES;
	const { asked, connections } = scriptedConnections(
		() => shown,
		() => `${stage.provider.origin}/service?back=${encodeURIComponent(`${at}/oauth/callback?code=c&state=s`)}`,
	);
	/** What the pages tried and the browser did not allow, and whatever failed in them. */
	const complaints: string[] = [];

	beforeAll(async () => {
		folder = mkdtempSync(join(tmpdir(), 'portcullis-connect-'));
		const { cert, key } = createCertificate('localhost');
		writeFileSync(join(folder, 'cert.pem'), cert);
		writeFileSync(join(folder, 'key.pem'), key);
		const files = { certFile: join(folder, 'cert.pem'), keyFile: join(folder, 'key.pem'), clientCaFile: undefined };
		const secure = { name: 'secure', host: '127.0.0.1', port: 0, tls: files, trustedProxies: [], edge: undefined };
		stage = await startConnectStage({ connecting: { connections }, listeners: [secure] });
		at = `https://localhost:${stage.gateway.ports.get('secure')}`;
		browser = await startBrowser();
	});
	afterAll(async () => {
		await browser.close();
		await stage.close();
		rmSync(folder, { recursive: true, force: true });
	});
	beforeEach(async () => {
		shown = ALL_STATES;
		await visitAs({});
	});
	afterEach(() => profile.close());

	async function visitAs(options: Parameters<TestBrowser['profile']>[0]): Promise<void> {
		profile = await browser.profile({ ignoreHTTPSErrors: true, viewport: SIZES.wide, ...options });
		page = await profile.newPage();
		complaints.length = 0;
		page.on('console', (message) => {
			if (message.type() === 'error') complaints.push(message.text());
		});
		page.on('pageerror', (error) => complaints.push(String(error)));
	}

	async function signIn(name = ADA.name, path = '/connect'): Promise<void> {
		await page.goto(at + path);
		await page.getByRole('link', { name: /^Sign in/ }).click();
		await page.getByRole('link', { name: name.slice(0, 3) }).click();
		await page.waitForURL(`${at}/**`);
	}

	async function faults(): Promise<readonly unknown[]> {
		await page.evaluate(AXE);
		return page.evaluate<readonly unknown[]>(FIND_FAULTS);
	}

	const row = (name: string) =>
		page.getByRole('listitem').filter({ has: page.getByRole('heading', { name, exact: true }) });

	it.each([
		['light', 'wide'],
		['dark', 'wide'],
		['light', 'phone'],
		['dark', 'phone'],
	] as const)('have nothing that axe finds, in any state: %s, %s', async (colorScheme, size) => {
		await profile.close();
		await visitAs({ colorScheme, viewport: SIZES[size] });
		await page.goto(`${at}/connect`);
		expect(await faults()).toEqual([]);
		await signIn();
		const link = await linkFor(ADA.oid, 'mail');
		const server = '/connect/w/microsoft/s/keys/key';
		const pages = [
			'/connect',
			'/connect?done=connected',
			link,
			server,
			'/connect/w/google/s/drive/disconnect',
			'/connect/nowhere',
		];
		for (const path of pages) {
			await page.goto(at + path);
			expect([path, await faults()]).toEqual([path, []]);
		}
		for (const state of [OTHER_STATES, [], hostile()]) {
			shown = state;
			await page.goto(`${at}/connect`);
			expect(await faults()).toEqual([]);
		}
		await page.getByRole('button', { name: 'Sign out' }).click();
		await page.waitForURL(`${at}/connect/signed-out`);
		expect(await faults()).toEqual([]);
	});

	async function linkFor(oid: string, slug: string): Promise<string> {
		const { createConnectLinks } = await import('../../src/connect/links.ts');
		const { createSealerOf } = await import('../../src/connect/sealers.ts');
		const { derivedKey } = await import('../../src/credentials/derived-key.ts');
		const current = {
			...stage.gateway.snapshots.current(),
			names: { url: '', hosts: new Set<string>(), origins: new Set<string>() },
		};
		const { issuer, tenantId: tid } = stage.directory.directory;
		const links = createConnectLinks({ current: () => current }, createSealerOf(derivedKey));
		return links.linkFor({ issuer, tid, oid }, { workspaceId: 'google', slug }) ?? '';
	}

	function hostile(): readonly Connection[] {
		return HOSTILE_NAMES.map((name) => {
			const names = { title: name, workspaceTitle: name, connectedAs: name, needsAttention: name, asks: [name] };
			return connectionOf({ workspace: 'google', server: 'drive', state: 'needs-attention', way: 'values', ...names });
		});
	}

	it('lead a person to a service and back, and take away what they connected, by the keyboard alone', async () => {
		await page.goto(`${at}/connect`);
		await pressTo(/^Sign in$/);
		await page.waitForURL(`${stage.provider.origin}/**`);
		await page.keyboard.press('Tab');
		await page.keyboard.press('Enter');
		await page.waitForURL(`${at}/connect`);
		await pressTo(/^Connect Mail$/);
		await page.waitForURL(`${stage.provider.origin}/service?**`);
		const [begun] = asked.splice(0);
		expect(begun).toEqual([
			'begin',
			ADA.oid,
			{ workspace: 'google', server: 'mail' },
			expect.stringMatching(/^[\w-]{43}$/),
		]);
		await page.goto(new URL(page.url()).searchParams.get('back') ?? '');
		expect(page.url()).toBe(`${at}/connect?done=connected`);
		expect(asked.splice(0)).toEqual([['finish', ADA.oid, 's', begun?.[3]]]);
		expect(await page.getByRole('status').textContent()).toContain('connected');
		await pressTo(/^Disconnect Drive$/);
		await page.waitForURL(`${at}/connect/w/google/s/drive/disconnect`);
		expect(asked).toEqual([]);
		await pressTo(/^Disconnect$/);
		await page.waitForURL(`${at}/connect?done=disconnected`);
		expect(asked.splice(0)).toEqual([['disconnect', ADA.oid, { workspace: 'google', server: 'drive' }]]);
		await pressTo(/^Sign out$/);
		await page.waitForURL(`${at}/connect/signed-out`);
		expect(complaints).toEqual([]);
	});

	/** Goes from one thing to the next until the one with this name has the focus, which can be seen, and presses it. */
	async function pressTo(name: RegExp): Promise<void> {
		for (let steps = 0; steps < 40; steps++) {
			await page.keyboard.press('Tab');
			const [text, outline] = await page.evaluate<[string, string]>(FOCUSED);
			if (!name.test(text)) continue;
			expect(outline).toBe('solid');
			return page.keyboard.press('Enter');
		}
		throw new Error(`the keyboard does not come to ${name}`);
	}

	it('take a key in a form that shows nothing of it, then or later', async () => {
		await signIn();
		await row('Keys').getByRole('link', { name: 'Enter key' }).click();
		await page.getByLabel('token').fill('s3cret-key');
		await page.getByLabel('organisation').fill(' acme ');
		expect(await page.getByLabel('token').getAttribute('type')).toBe('password');
		await page.getByRole('button', { name: 'Save' }).click();
		await page.waitForURL(`${at}/connect?done=saved`);
		const values = { token: 's3cret-key', organisation: 'acme' };
		expect(asked.splice(0)).toEqual([['setValues', ADA.oid, { workspace: 'microsoft', server: 'keys' }, values]]);
		await page.goto(`${at}/connect/w/microsoft/s/keys/key`);
		expect(await page.getByLabel('token').inputValue()).toBe('');
		expect(await page.content()).not.toContain('s3cret-key');
		expect(JSON.stringify(stage.gateway.audit())).not.toContain('s3cret-key');
		expect(stage.gateway.audit().findLast(({ kind }) => kind === 'intent')).toMatchObject({
			...{ method: 'connect/set-values', workspace: 'microsoft', server: 'keys', principal: { oid: ADA.oid } },
		});
	});

	it('show names of others as text, whatever they hold', async () => {
		shown = hostile();
		stage.provider.claims = { name: HOSTILE_NAMES[1] };
		await signIn();
		stage.provider.claims = {};
		for (const path of ['/connect', '/connect/w/google/s/drive/key', '/connect/w/google/s/drive/disconnect']) {
			await page.goto(at + path);
			await page.keyboard.press('Tab');
			const seen = await page.evaluate<Seen>(SEEN);
			expect(seen).toMatchObject({ hit: false, foreign: 0 });
			for (const action of seen.actions) expect(action.startsWith(`${at}/connect/`)).toBe(true);
			expect(seen.text).toContain('<script>window.hit=1</script>');
			expect(seen.text).not.toMatch(/[\u0000\u001b\u202e\u2066]/);
		}
		expect(complaints.filter((each) => !each.includes('404'))).toEqual([]);
	});

	it('keep cookies that no script, no other site and no http address gets', async () => {
		await signIn();
		const cookies = await profile.cookies();
		expect(cookies.map(({ name }) => name)).toEqual(['__Host-portcullis']);
		expect(cookies[0]).toMatchObject({ secure: true, httpOnly: true, sameSite: 'Lax', path: '/', domain: 'localhost' });
		expect(await page.evaluate('document.cookie')).toBe('');
	});

	it('let nobody have a form sent from another site, nor look into a frame', async () => {
		await signIn();
		const elsewhere = stage.provider.origin;
		const attacks = `<form method="post" action="${at}/connect/w/google/s/drive/disconnect"><button>Win</button></form><iframe src="${at}/connect"></iframe>`;
		await page.route(`${elsewhere}/attack`, (route) => route.fulfill({ contentType: 'text/html', body: attacks }));
		await page.goto(`${elsewhere}/attack`);
		await expect.poll(() => page.frames()[1]?.url()).toMatch(/^chrome-error:/);
		await page.getByRole('button', { name: 'Win' }).click();
		await page.waitForURL(`${at}/**`);
		expect(await page.content()).toMatch(/PC_FORM_REFUSED|PC_SIGNED_OUT/);
		expect(asked.splice(0)).toEqual([]);
	});

	it('lead from a refused call to its server, for the person of that call alone', async () => {
		const link = await linkFor(ADA.oid, 'mail');
		await signIn(ADA.name, link);
		expect(page.url()).toBe(at + link);
		const section = page.getByRole('region', { name: 'A call of yours needs this account' });
		expect(await section.getByRole('heading', { level: 3 }).textContent()).toBe('Mail');
		await profile.close();
		await visitAs({});
		await signIn(BOB.name, link);
		const text = await page.innerText('main');
		expect(text).toContain('PC_LINK_FOREIGN');
		expect(text).not.toMatch(/Mail|Google|Ada/);
		expect(asked).toEqual([]);
	});

	it('never show somebody a server of a workspace that they do not have, whatever is listed', async () => {
		await signIn(BOB.name);
		expect(await page.getByRole('heading', { level: 3 }).allTextContents()).toEqual(['Graph', 'Keys']);
		expect((await page.goto(`${at}/connect/w/google/s/drive/disconnect`))?.status()).toBe(404);
	});
});
