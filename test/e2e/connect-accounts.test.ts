import { type AddressInfo, connect as connectTo, createServer, type Server } from 'node:net';
import type { BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { machineChromium, startBrowser, type TestBrowser } from '../fakes/chromium.ts';
import { ADA, BOB } from '../fakes/connect-stage.ts';
import { type FakeDirectory, startFakeDirectory } from '../fakes/directory.ts';
import { modern, type PlainAnswer, post } from '../fakes/gateway.ts';
import { type ManagedGateway, startManagedGateway } from '../fakes/managed-gateway.ts';
import { createBrowser } from '../fakes/oauth/browser.ts';
import { type OAuthService, startOAuthService } from '../fakes/oauth/third-party.ts';
import { type Person, type SignInProvider, startSignInProvider } from '../fakes/sign-in-provider.ts';

const hasChromium = machineChromium() !== undefined;
if (!hasChromium) process.stdout.write('SKIPPED: accounts connected in a browser: this machine has no Chromium\n');

describe.skipIf(!hasChromium)('an account, connected in a browser at a service that is there', () => {
	let service: OAuthService;
	let directory: FakeDirectory;
	let provider: SignInProvider;
	let gateway: ManagedGateway;
	let browser: TestBrowser;
	let profile: BrowserContext;
	let page: Page;
	let door: Server;
	let at: string;

	beforeAll(async () => {
		directory = await startFakeDirectory();
		[service, provider, browser] = await Promise.all([
			startOAuthService(),
			startSignInProvider(directory, [ADA, BOB]),
			startBrowser(),
		]);
		// The address people know has to be known before the gateway has a port.
		door = createServer((socket) => {
			const inner = connectTo(Number(new URL(gateway.url).port), '127.0.0.1');
			socket.pipe(inner).pipe(socket);
			for (const each of [socket, inner]) each.on('error', () => each.destroy());
		});
		await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
		at = `http://127.0.0.1:${(door.address() as AddressInfo).port}`;
		gateway = await startManagedGateway(
			{
				publicUrl: at,
				directories: [{ ...directory.directory, signIn: provider.entry }],
				workspaces: {
					microsoft: {
						title: 'Microsoft',
						servers: {
							files: { ...personal(), oauth: {}, title: 'Files' },
							keys: { ...personal(), title: 'Keys' },
						},
					},
				},
				grants: [{ group: 'ms-people', workspace: 'microsoft', access: 'write' }],
			},
			{ secrets: provider.secrets, egressAllow: ['127.0.0.0/8'] },
		);
	});
	afterAll(async () => {
		await browser.close();
		await gateway.close();
		door.close();
		await Promise.all([service.close(), provider.close(), directory.close()]);
	});
	beforeEach(async () => {
		await profile?.close();
		profile = await browser.profile();
		page = await profile.newPage();
	});

	const personal = () => ({
		...{ transport: 'http', url: service.mcp.url, credential: 'principal' },
		headers: { authorization: 'Bearer ${secret:token}' },
	});

	const row = (name: string) =>
		page.getByRole('listitem').filter({ has: page.getByRole('heading', { name, exact: true }) });

	async function signIn({ name }: Person, url = `${at}/connect`): Promise<void> {
		await page.goto(url);
		await page.getByRole('link', { name: /^Sign in/ }).click();
		await page.getByRole('link', { name: name.slice(0, 3) }).click();
		await page.waitForURL(`${at}/**`);
	}

	/** Agrees to everything that the service asks. */
	async function agreeAs(login: string): Promise<void> {
		await page.waitForURL((url) => url.origin !== at);
		await page.getByPlaceholder('Enter any login').fill(login);
		await page.getByPlaceholder('and password').fill('any');
		await page.getByRole('button', { name: 'Sign-in' }).click();
		await page.getByRole('button', { name: 'Continue' }).click();
		await page.waitForURL(`${at}/connect?done=connected`);
	}

	async function call({ oid, groups }: Person, server: string): Promise<PlainAnswer> {
		await gateway.configuration.snapshots.refresh();
		const { body, headers } = modern('tools/call', { name: 'who_am_i', arguments: {} });
		const authorization = `Bearer ${directory.token({ oid, groups })}`;
		return post(`${gateway.url}/w/microsoft/s/${server}/mcp`, body, { ...headers, authorization });
	}

	it('is what the calls of its person carry, until they disconnect it', async () => {
		const refused = await call(ADA, 'files');
		const link = /http:[^"\s\\]+\/connect\/call\?for=[\w-]+/.exec(refused.text)?.[0] ?? '';
		expect(link).toContain(`${at}/connect/call?for=`);
		await signIn(ADA, link);
		await page.getByRole('region', { name: 'A call of yours' }).getByRole('button', { name: 'Connect' }).click();
		await agreeAs('ada-at-service');
		expect(await row('Files').innerText()).toContain('Connected');
		expect((await call(ADA, 'files')).text).toContain('ada-at-service');
		expect((await call(BOB, 'files')).text).toContain('/connect/call?for=');
		await row('Files').getByRole('link', { name: 'Disconnect' }).click();
		await page.getByRole('button', { name: 'Disconnect' }).click();
		await page.waitForURL(`${at}/connect?done=disconnected`);
		expect(await row('Files').innerText()).toContain('Not connected');
		expect((await call(ADA, 'files')).text).toContain('/connect/call?for=');
	});

	it('is nobody else’s: the link of a refused call is worth nothing to another person', async () => {
		const link = /http:[^"\s\\]+\/connect\/call\?for=[\w-]+/.exec((await call(ADA, 'files')).text)?.[0] ?? '';
		await signIn(BOB, link);
		expect(await page.innerText('main')).toContain('PC_LINK_FOREIGN');
		expect(await page.innerText('main')).not.toContain('Files');
	});

	it('cannot be finished in another browser than it was begun in', async () => {
		await signIn(BOB);
		const asked = page.waitForRequest((request) => request.url().startsWith(service.issuer));
		await page.route(`${service.issuer}/**`, (route) => route.abort());
		await row('Files').getByRole('button', { name: 'Connect' }).click();
		const stolen = (await createBrowser().signIn((await asked).url(), 'bob-at-service')).href;
		expect(stolen).toContain(`${at}/oauth/callback?`);
		for (const person of [ADA, BOB]) {
			await profile.close();
			profile = await browser.profile();
			page = await profile.newPage();
			await signIn(person);
			await page.goto(stolen);
			expect(await page.innerText('main')).toContain('That did not work');
			await page.goto(`${at}/connect`);
			expect(await row('Files').innerText()).toContain('Not connected');
		}
	});

	it('may be a key that is entered, and is never shown', async () => {
		await signIn(ADA);
		await row('Keys').getByRole('link', { name: 'Enter key' }).click();
		await page.getByLabel('token').fill('a-key-of-ada');
		await page.getByRole('button', { name: 'Save' }).click();
		await page.waitForURL(`${at}/connect?done=saved`);
		expect(await row('Keys').innerText()).toContain('Connected');
		expect(await page.content()).not.toContain('a-key-of-ada');
		await call(ADA, 'keys');
		expect(service.mcp.presented).toContain('Bearer a-key-of-ada');
		await gateway.shipped();
	});
});
