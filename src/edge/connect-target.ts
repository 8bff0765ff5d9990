/**
 * Whether a request target, as sent, is one of the pages where people connect their accounts. They are the only ones at
 * which a cookie counts; everywhere else it is dropped at the socket.
 */
export function isConnectTarget(target: string): boolean {
	// Nearly every target ends here.
	if (target[1] !== 'c' && target[1] !== 'o') return false;
	return /^\/(?:connect|oauth)(?:[/?]|$)/.test(target);
}
