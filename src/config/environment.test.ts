import { describe, expect, test } from 'vitest';
import { type EnvironmentFaults, parseEnvironment } from './environment.ts';

describe('the process settings', () => {
	test('have defaults that listen on this machine alone', () => {
		expect(parseEnvironment({})).toEqual({
			host: '127.0.0.1',
			port: 8080,
			adminHost: '127.0.0.1',
			adminPort: 9090,
			trustedProxies: [],
			listenersFile: '',
			configFile: 'portcullis.yaml',
			dataFolder: '.portcullis',
			logLevel: 'info',
			databaseUrl: '',
			databasePlatformUrl: '',
			databaseMigratorUrl: '',
			databaseListenUrl: '',
			staleMs: 3_600_000,
			jwksStaleMs: 86_400_000,
			keyFile: '',
			keys: [],
			spoolBytes: 1_073_741_824,
			redisUrl: '',
			limitsWithoutStore: 'refuse',
			processes: 1,
			failedAuthPerMinute: 300,
			filesFolder: '',
			runtimeFolder: '',
			secretStoresFile: '',
			egressAllow: [],
			gatewayUrl: '',
			token: [],
			unknown: [],
		});
	});

	test('take the values of the environment, port 0 among them', () => {
		const env = {
			PORTCULLIS_HOST: '::',
			PORTCULLIS_PORT: '0',
			PORTCULLIS_LOG_LEVEL: 'DEBUG',
			PORTCULLIS_DATA: '/var/lib/p',
		};
		expect(parseEnvironment(env)).toMatchObject({ host: '::', port: 0, logLevel: 'debug', dataFolder: '/var/lib/p' });
	});

	test('send the token of the command line to https and to this machine alone', () => {
		const urlOf = (text: string) => parseEnvironment({ PORTCULLIS_URL: text }).gatewayUrl;
		expect(urlOf('https://mcp.example.com/')).toBe('https://mcp.example.com');
		expect(urlOf('http://127.0.0.1:8080')).toBe('http://127.0.0.1:8080');
		for (const bad of [
			'http://mcp.example.com',
			'https://a:b@mcp.example.com',
			'https://mcp.example.com/mcp',
			'ftp://x',
		]) {
			expect(() => urlOf(bad)).toThrow('PORTCULLIS_URL must be');
		}
	});

	test('hold the token of the command line as a secret', () => {
		const environment = parseEnvironment({ PORTCULLIS_TOKEN: 'ey.secret.token' });
		expect(JSON.stringify(environment)).not.toContain('secret.token');
		expect(() => parseEnvironment({ PORTCULLIS_TOKEN: 'two words' })).toThrow(/^PORTCULLIS_TOKEN must be [^"]*spaces$/);
	});

	test('take networks of proxies with commas between them, and nothing else', () => {
		const proxiesOf = (text: string) => parseEnvironment({ PORTCULLIS_TRUSTED_PROXIES: text }).trustedProxies;
		expect(proxiesOf('10.0.0.0/8, ::1')).toEqual(['10.0.0.0/8', '::1']);
		for (const bad of ['proxy.example.com', '10.0.0.1/8', '10.0.0.0/8 ::1', '10.0.0.0/8,']) {
			expect(() => proxiesOf(bad), bad).toThrow('PORTCULLIS_TRUSTED_PROXIES must be networks');
		}
	});

	test('take hosts, ports of hosts and networks that others may name', () => {
		const allowedOf = (text: string) => parseEnvironment({ PORTCULLIS_EGRESS_ALLOW: text }).egressAllow;
		expect(allowedOf('auth.corp, auth.corp:8443,10.0.0.0/8,[::1]:80, fd00::/8')).toHaveLength(5);
		for (const bad of ['https://auth.corp', 'auth.corp/x', '*.corp', 'a b', 'auth.corp:0', '10.0.0.1/8', 'a,,b']) {
			expect(() => allowedOf(bad), bad).toThrow('PORTCULLIS_EGRESS_ALLOW must be hosts');
		}
	});

	test('count an empty variable as absent, for an empty host would listen everywhere', () => {
		expect(parseEnvironment({ PORTCULLIS_HOST: '', PORTCULLIS_PORT: '' })).toMatchObject({
			host: '127.0.0.1',
			port: 8080,
		});
	});

	test('tell all faults at once, by name and never by value', () => {
		const env = {
			PORTCULLIS_PORT: '65536',
			PORTCULLIS_ADMIN_PORT: 'canary-1',
			PORTCULLIS_HOST: 'canary 2',
			PORTCULLIS_LOG_LEVEL: 'loud',
		};
		const error = thrownBy(() => parseEnvironment(env)) as EnvironmentFaults;
		expect(error.code).toBe('PC_ENVIRONMENT_INVALID');
		expect(error.faults.map(({ name }) => name)).toEqual([
			'PORTCULLIS_HOST',
			'PORTCULLIS_PORT',
			'PORTCULLIS_ADMIN_PORT',
			'PORTCULLIS_LOG_LEVEL',
		]);
		expect(error.message).toContain('PORTCULLIS_PORT must be a whole number from 0 to 65535');
		expect(error.message).not.toMatch(/canary|65536|loud/);
	});

	test.each(['-1', '80.5', '0x50', ' 80', '1e3', '999999'])('refuse %j as a port', (port) => {
		expect(() => parseEnvironment({ PORTCULLIS_PORT: port })).toThrow('PORTCULLIS_PORT must be');
	});

	test('list the names that are no settings, and no others', () => {
		expect(parseEnvironment({ PORTCULLIS_PROT: '1', PORTCULLIS_AUTH: 'off', PATH: '/bin' }).unknown).toEqual([
			'PORTCULLIS_AUTH',
			'PORTCULLIS_PROT',
		]);
	});

	test('are frozen', () => {
		expect(Object.isFrozen(parseEnvironment({}))).toBe(true);
	});
});

function thrownBy(run: () => unknown): unknown {
	try {
		run();
	} catch (error) {
		return error;
	}
	throw new Error('nothing was thrown');
}
