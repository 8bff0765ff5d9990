import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { TlsFiles } from './listeners.ts';

/** What a TLS server is made of, PEM. */
export interface TlsMaterial {
	readonly cert: Buffer;
	readonly key: Buffer;
	readonly ca?: Buffer;
}

/** What is wrong with one of the files. */
export interface TlsFileFault {
	readonly file: keyof TlsFiles;
	readonly message: string;
}

/** Reads the files of a listener, or says which of them cannot be used; never what is in it. */
export function readTlsFiles({ certFile, keyFile, clientCaFile }: TlsFiles): TlsMaterial | TlsFileFault {
	const cert = read(certFile);
	if (!Buffer.isBuffer(cert)) return { file: 'certFile', ...cert };
	const key = read(keyFile);
	if (!Buffer.isBuffer(key)) return { file: 'keyFile', ...key };
	const ca = clientCaFile === undefined ? undefined : read(clientCaFile);
	if (ca !== undefined && !Buffer.isBuffer(ca)) return { file: 'clientCaFile', ...ca };
	if (!isUsable({ cert })) return { file: 'certFile', message: 'is not a certificate in PEM' };
	if (!isUsable({ cert, key }))
		return { file: 'keyFile', message: 'is not the key of the certificate, in PEM and open' };
	if (ca === undefined) return { cert, key };
	// OpenSSL passes over a text without any certificate, and then nobody's would be accepted.
	const isCa = ca.includes('-----BEGIN CERTIFICATE-----') && isUsable({ ca });
	return isCa ? { cert, key, ca } : { file: 'clientCaFile', message: 'is not a certificate in PEM' };
}

function read(file: string): Buffer | { readonly message: string } {
	try {
		return readFileSync(file);
	} catch (error) {
		return { message: `cannot be read (${(error as NodeJS.ErrnoException).code})` };
	}
}

function isUsable(material: Partial<TlsMaterial>): boolean {
	try {
		createSecureContext(material);
		return true;
	} catch {
		return false;
	}
}
