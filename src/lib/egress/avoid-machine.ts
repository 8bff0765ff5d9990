import { lookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import { createIsWithin, type IsWithin } from '../networks.ts';

/**
 * Where machines of clouds tell about themselves, their credentials among it (169.254.169.254, its IPv6 forms, Azure's
 * 168.63.129.16), and all that is link-local: no server is there, whoever configured one.
 */
const OF_THE_MACHINE = [
	'169.254.0.0/16',
	'168.63.129.16/32',
	'fe80::/10',
	'fd00:ec2::/32',
	// The same behind the well-known prefix of NAT64 (RFC 6052 §2.1).
	...['64:ff9b::a9fe:0/112', '64:ff9b::a83f:8110/128'],
];

/** How connections to servers are made. */
export interface AvoidMachineOptions {
	/** For one connection, milliseconds. */
	readonly connectMs: number;
	/** Looks names up; as every program of this machine does, unless told. */
	readonly resolve?: LookupFunction;
}

/**
 * A connector for undici that reaches any server but the machine's own services. An address is judged where it is connected
 * to, so no spelling and no answer of a name server leads past it. The error has code `EMACHINE`.
 */
export function createMachineAvoidingConnect({
	connectMs,
	resolve = lookup as LookupFunction,
}: AvoidMachineOptions): buildConnector.connector {
	const isWithin = createIsWithin(OF_THE_MACHINE);
	const isOfMachine: IsWithin = (address) => isWithin(address.replace(/%.*$/, ''));
	const connect = buildConnector({ timeout: connectMs, lookup: judging(resolve, isOfMachine) });
	return (options, callback) => {
		const host = options.hostname.replace(/^\[|\]$/g, '');
		if (isIP(host) !== 0 && isOfMachine(host)) callback(refusal(), null);
		else connect(options, callback);
	};
}

function judging(resolve: LookupFunction, isOfMachine: IsWithin): LookupFunction {
	return (name, options, done) => {
		resolve(name, options, (error, found, family) => {
			const addresses = typeof found === 'string' ? [found] : (found ?? []).map(({ address }) => address);
			if (error === null && addresses.some(isOfMachine)) done(refusal(), '', 0);
			else done(error, found, family);
		});
	};
}

function refusal(): NodeJS.ErrnoException {
	return Object.assign(new Error('a service of the machine itself'), { code: 'EMACHINE' });
}
