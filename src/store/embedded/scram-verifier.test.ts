import { createHmac } from 'node:crypto';
import { expect, it } from 'vitest';
import { scramVerifier } from './scram-verifier.ts';

// RFC 7677, section 3: password "pencil", the three messages without the proof, and the server's signature.
const SALT = 'W22ZaJ0SNY7soEsUEjb6gQ==';
const EXCHANGE = [
	'n=user,r=rOprNGfwEbeRWgbNEkqO',
	`r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=${SALT},i=4096`,
	'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
].join(',');
const SIGNATURE = '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=';

it('makes the verifier of the example in RFC 7677', () => {
	const verifier = scramVerifier('pencil', Buffer.from(SALT, 'base64'));
	const [, serverKey = ''] = /^SCRAM-SHA-256\$4096:W22ZaJ0SNY7soEsUEjb6gQ==\$[\w+/]{43}=:(\S+)$/.exec(verifier) ?? [];
	const signed = createHmac('sha256', Buffer.from(serverKey, 'base64')).update(EXCHANGE).digest('base64');
	expect(signed).toBe(SIGNATURE);
});
