import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** A certificate and its key, PEM. */
export interface Issued {
	readonly cert: string;
	readonly key: string;
}

/** What a certificate says. */
export interface Wanted {
	/** Alternative names, such as `DNS:localhost`, `URI:spiffe://company/edge` or `IP:127.0.0.1`. */
	readonly names: readonly string[];
	readonly usage?: 'server' | 'client';
	/** First and last moment; an hour around now by default. */
	readonly from?: Date;
	readonly until?: Date;
}

/** An authority that really signs. */
export interface Authority extends Issued {
	issue(wanted: Wanted): Issued;
}

/** Makes an authority; nothing of it was there before, and nothing of it is kept. */
export function makeAuthority(name = 'Test authority'): Authority {
	const keys = makeKeys();
	const extensions = [extension('2.5.29.19', sequence(boolean(true))), extension('2.5.29.15', bits(0x06))];
	const own = { subject: name, issuer: name, publicKey: keys.publicKey, signer: keys.privateKey };
	return {
		cert: certificate({ ...own, extensions, ...anHour() }),
		key: pemOf(keys.privateKey),
		issue({ names, usage = 'server', from, until }) {
			const { publicKey, privateKey } = makeKeys();
			const hour = anHour();
			const purpose = usage === 'server' ? '1.3.6.1.5.5.7.3.1' : '1.3.6.1.5.5.7.3.2';
			const cert = certificate({
				...{ subject: names[0] ?? 'nobody', issuer: name, publicKey, signer: keys.privateKey },
				...{ from: from ?? hour.from, until: until ?? hour.until },
				extensions: [
					extension('2.5.29.37', sequence(oid(purpose))),
					...(names.length === 0 ? [] : [extension('2.5.29.17', sequence(...names.map(alternativeName)))]),
				],
			});
			return { cert, key: pemOf(privateKey) };
		},
	};
}

function makeKeys(): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
	return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function pemOf(key: KeyObject): string {
	return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function anHour(): { readonly from: Date; readonly until: Date } {
	return { from: new Date(Date.now() - 3_600_000), until: new Date(Date.now() + 3_600_000) };
}

interface Content {
	readonly subject: string;
	readonly issuer: string;
	readonly publicKey: KeyObject;
	readonly signer: KeyObject;
	readonly from: Date;
	readonly until: Date;
	readonly extensions: readonly Buffer[];
}

const ECDSA_SHA256 = '1.2.840.10045.4.3.2';

/** A certificate of version 3 (RFC 5280 §4.1), in PEM. */
function certificate({ subject, issuer, publicKey, signer, from, until, extensions }: Content): string {
	const content = sequence(
		der(0xa0, integer(Buffer.from([2]))),
		integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
		sequence(oid(ECDSA_SHA256)),
		commonName(issuer),
		sequence(time(from), time(until)),
		commonName(subject),
		publicKey.export({ type: 'spki', format: 'der' }),
		der(0xa3, sequence(...extensions)),
	);
	const signature = sign('sha256', content, signer);
	const whole = sequence(content, sequence(oid(ECDSA_SHA256)), der(0x03, Buffer.from([0]), signature));
	const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
	return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

function der(tag: number, ...contents: readonly Buffer[]): Buffer {
	const content = Buffer.concat(contents);
	const { length } = content;
	if (length < 0x80) return Buffer.concat([Buffer.from([tag, length]), content]);
	const bytes = length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
	return Buffer.concat([Buffer.from([tag, ...bytes]), content]);
}

function sequence(...contents: readonly Buffer[]): Buffer {
	return der(0x30, ...contents);
}

function integer(bytes: Buffer): Buffer {
	return der(0x02, bytes);
}

function boolean(value: boolean): Buffer {
	return der(0x01, Buffer.from([value ? 0xff : 0]));
}

function bits(flags: number): Buffer {
	return der(0x03, Buffer.from([1, flags]));
}

function time(at: Date): Buffer {
	return der(0x18, Buffer.from(`${at.toISOString().replace(/[-:T]/g, '').slice(0, 14)}Z`));
}

function oid(text: string): Buffer {
	const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
	return der(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
	const low = value & 0x7f;
	const high = value >> 7;
	return high === 0 ? [low] : [...base128(high).map((byte) => byte | 0x80), low];
}

function commonName(name: string): Buffer {
	return sequence(der(0x31, sequence(oid('2.5.4.3'), der(0x0c, Buffer.from(name)))));
}

function extension(id: string, value: Buffer): Buffer {
	return sequence(oid(id), der(0x04, value));
}

const NAME_TAGS: Readonly<Record<string, number>> = { DNS: 0x82, URI: 0x86, IP: 0x87 };

function alternativeName(name: string): Buffer {
	const kind = name.slice(0, name.indexOf(':'));
	const value = name.slice(kind.length + 1);
	const bytes = kind === 'IP' ? Buffer.from(value.split('.').map(Number)) : Buffer.from(value);
	return der(NAME_TAGS[kind] ?? 0x82, bytes);
}
