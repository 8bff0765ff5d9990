import type { Connection } from '../../src/credentials/oauth/connections.ts';
import { connectionOf } from './connections.ts';

const SINCE = Date.UTC(2026, 10, 3, 9, 12);
const GOOGLE = { workspace: 'google', workspaceTitle: 'Google' };
const MICROSOFT = { workspace: 'microsoft', workspaceTitle: 'Microsoft' };
const GONE = 'The service no longer accepts this connection; connect again.';

/** Servers in every state, by what somebody did and did not do. */
export const ALL_STATES: readonly Connection[] = [
	connectionOf({
		...GOOGLE,
		server: 'drive',
		title: 'Drive',
		state: 'ok',
		connectedAs: 'ada@google.example',
		since: SINCE,
	}),
	connectionOf({ ...GOOGLE, server: 'mail', title: 'Mail' }),
	connectionOf({
		...{ ...MICROSOFT, server: 'graph', title: 'Graph', state: 'needs-attention', needsAttention: GONE },
		...{ connectedAs: 'ada@ms.example', since: SINCE, expiresAt: SINCE + 5_184_000_000 },
	}),
	connectionOf({ ...MICROSOFT, server: 'keys', title: 'Keys', way: 'values', asks: ['token', 'organisation'] }),
];

/** The same with keys that were entered, and accounts of everybody. */
export const OTHER_STATES: readonly Connection[] = [
	connectionOf({ ...GOOGLE, server: 'drive', title: 'Drive', whose: 'workspace' }),
	connectionOf({ ...GOOGLE, server: 'mail', title: 'Mail', whose: 'workspace', state: 'ok', since: SINCE }),
	connectionOf({
		...MICROSOFT,
		server: 'keys',
		title: 'Keys',
		way: 'values',
		asks: ['token'],
		state: 'ok',
		since: SINCE,
	}),
	connectionOf({
		...MICROSOFT,
		server: 'graph',
		title: 'Graph',
		way: 'values',
		asks: ['token'],
		state: 'needs-attention',
	}),
];

/** What a service, an administrator or a directory may write where a name should be. */
export const HOSTILE_NAMES: readonly string[] = [
	'<script>window.hit=1</script>',
	'"><img src=x onerror="window.hit=1">',
	"'><svg/onload=window.hit=1>",
	'</title></h3><iframe srcdoc="<script>parent.hit=1</script>">',
	'<!--<a href="javascript:window.hit=1">x</a>',
	'${window.hit=1}{{constructor.constructor("window.hit=1")()}}',
	'javascript:window.hit=1//" autofocus onfocus=window.hit=1 x="',
	'<meta http-equiv=refresh content="0;url=https://evil.example">',
	'<form action=https://evil.example><button>Sign in</button>',
	'&lt;script&gt;window.hit=1&lt;/script&gt;',
	'\u202egnp.elgoog\u2066 \u0000\u001b[31m',
	'ＬＯＧＩＮ'.repeat(80),
];
