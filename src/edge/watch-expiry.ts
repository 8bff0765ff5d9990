import type { Authenticator } from '../identity/authenticate.ts';
import type { Principal } from '../identity/principal.ts';
import { holdTheSame } from './is-touched.ts';

/** Somebody whose stream is open, and what happens when they have to be established anew. */
export interface Watched extends Pick<Authenticator, 'renew'> {
	readonly principal: Principal;
	/** Called once, unless the watch is stopped before. */
	onExpired(): void;
}

/** Waits for the moment from which a principal is no longer believed. */
export interface ExpiryWatch {
	/** The same person was established again, perhaps for longer. */
	extend(principal: Principal): void;
	stop(): void;
}

/** The longest time a timer of Node waits, milliseconds; one that is set for longer fires at once. */
const LONGEST_MS = 2 ** 31 - 1;

/**
 * Watches until a principal expires. From then on it counts on a clock that never runs backwards, so that setting the wall
 * clock prolongs nothing. Who is known to hold the same for longer by now goes on. Keeps no process alive.
 */
export function watchExpiry({ principal, renew, onExpired }: Watched): ExpiryWatch {
	let watched = principal;
	// `Infinity`: nothing says that there is an end.
	let endsAt = performance.now() + principal.expiresAt - Date.now();
	let timer: NodeJS.Timeout | undefined;

	function wait(): void {
		clearTimeout(timer);
		if (!Number.isFinite(endsAt)) return;
		const remainingMs = endsAt - performance.now();
		if (remainingMs <= 0) expire();
		else timer = setTimeout(wait, Math.min(remainingMs, LONGEST_MS)).unref();
	}

	function expire(): void {
		const renewed = renew(watched);
		const goesOn = renewed !== undefined && renewed.expiresAt > watched.expiresAt && holdTheSame(watched, renewed);
		if (goesOn) prolong(renewed);
		else onExpired();
	}

	// By the difference, so that what the wall clock says meanwhile does not count.
	function prolong(next: Principal): void {
		endsAt += next.expiresAt - watched.expiresAt;
		watched = next;
		wait();
	}

	wait();
	return {
		extend(next) {
			if (next.expiresAt > watched.expiresAt) prolong(next);
		},
		stop: () => clearTimeout(timer),
	};
}

/** Whether somebody has to be established anew by now: a token is taken for a minute longer, but no stream is opened by it. */
export function isExpired({ expiresAt }: Principal): boolean {
	return expiresAt <= Date.now();
}
