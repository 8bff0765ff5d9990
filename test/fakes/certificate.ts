import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

/** A certificate that vouches for itself, and its key, both as PEM. */
export interface Certificate {
	readonly cert: string;
	readonly key: string;
}

const ECDSA_WITH_SHA256 = '2a8648ce3d040302';
const COMMON_NAME = '550403';
const SUBJECT_ALTERNATIVE_NAME = '551d11';
const DAY_MS = 86_400_000;

/** Makes a certificate of one DNS name for a week (RFC 5280), without any program of the system. */
export function createCertificate(name: string): Certificate {
	const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
	const algorithm = sequence(der(0x06, Buffer.from(ECDSA_WITH_SHA256, 'hex')));
	const commonName = sequence(der(0x06, Buffer.from(COMMON_NAME, 'hex')), der(0x0c, Buffer.from(name)));
	const subject = sequence(der(0x31, commonName));
	const names = sequence(der(0x82, Buffer.from(name)));
	const extension = sequence(der(0x06, Buffer.from(SUBJECT_ALTERNATIVE_NAME, 'hex')), der(0x04, names));
	const body = sequence(
		der(0xa0, der(0x02, Buffer.from([2]))),
		der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
		algorithm,
		subject,
		sequence(timeAt(Date.now() - DAY_MS), timeAt(Date.now() + 7 * DAY_MS)),
		subject,
		publicKey.export({ type: 'spki', format: 'der' }),
		der(0xa3, sequence(extension)),
	);
	const signature = der(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', body, privateKey)]));
	const lines = sequence(body, algorithm, signature).toString('base64').replace(/.{64}/g, '$&\n');
	return {
		cert: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
		key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
	};
}

/** One value of ASN.1 in its distinguished encoding (X.690 §8.1). */
function der(tag: number, content: Buffer): Buffer {
	const { length } = content;
	const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
	return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, Buffer.concat(parts));

/** UTCTime, in seconds. */
function timeAt(ms: number): Buffer {
	return der(0x17, Buffer.from(`${new Date(ms).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));
}
