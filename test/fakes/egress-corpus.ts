/** Addresses of IPv4 that nobody outside may lead the gateway to, one at least of each kind. */
export const FORBIDDEN_V4 = [
	...['127.0.0.1', '127.1.2.3', '0.0.0.0', '10.0.0.1', '172.16.5.4', '192.168.1.1', '169.254.169.254', '100.64.0.1'],
	...['192.0.0.192', '192.0.2.7', '198.18.0.1', '198.51.100.9', '203.0.113.5', '224.0.0.1', '255.255.255.255'],
	...['100.100.100.200', '168.63.129.16'],
] as const;

const FORBIDDEN_V6 = [
	...['::', '::1', '0:0:0:0:0:0:0:1', '0000::0001', '::0.0.0.1', 'fe80::1', 'fe80::1%25eth0', 'fe80::1%eth0'],
	...['febf:ffff::1', 'fc00::1', 'fd00:ec2::254', 'fec0::1', 'ff02::1', 'ff0e::1', '100::1', '2001:db8::1', '3fff::1'],
	...['2001:2::1', '2001:10::1', '5f00::1', '4000::1', '64:ff9b:1::a00:1', 'FE80::1', 'FD00:EC2::254'],
];

/** URLs that lead, or are meant to lead, to one forbidden address, spelled in every way that clients have fallen for. */
export function spellingsOf(quad: string, port: number): readonly string[] {
	const bytes = quad.split('.').map(Number);
	const [a = 0, b = 0, c = 0, d = 0] = bytes;
	const value = ((a * 256 + b) * 256 + c) * 256 + d;
	const hex = value.toString(16).padStart(8, '0');
	const six = `${hex.slice(0, 4)}:${hex.slice(4)}`;
	const inverted = (0xffffffff - value).toString(16).padStart(8, '0');
	const hosts = [
		quad,
		`${quad}.`,
		String(value),
		`0x${hex}`,
		`0X${hex.toUpperCase()}`,
		`0${value.toString(8)}`,
		bytes.map((byte) => `0${byte.toString(8)}`).join('.'),
		bytes.map((byte) => `000000${byte.toString(8)}`).join('.'),
		bytes.map((byte) => `0x${byte.toString(16)}`).join('.'),
		`${a}.0x${b.toString(16)}.0${c.toString(8)}.${d}`,
		`${a}.${b}.${c * 256 + d}`,
		`${a}.${(b * 256 + c) * 256 + d}`,
		String(value + 2 ** 32),
		[...quad].map((sign) => `%${sign.charCodeAt(0).toString(16)}`).join(''),
		quad.replaceAll('.', '%2e'),
		quad.replaceAll('.', '。'),
		quad.replaceAll('.', '．'),
		[...quad].map((sign) => (sign === '.' ? sign : String.fromCharCode(sign.charCodeAt(0) + 0xfee0))).join(''),
		[...quad]
			.map((sign) => (sign === '.' || sign === '0' ? sign : String.fromCodePoint(0x245f + Number(sign))))
			.join(''),
		`[::ffff:${quad}]`,
		`[::ffff:${six}]`,
		`[0:0:0:0:0:FFFF:${six}]`,
		`[::${quad}]`,
		`[::ffff:0:${quad}]`,
		`[64:ff9b::${quad}]`,
		`[64:ff9b:1::${six}]`,
		`[2002:${six}::1]`,
		`[2001:0:4136:e378:8000:63bf:${inverted.slice(0, 4)}:${inverted.slice(4)}]`,
	];
	const places = hosts.flatMap((host) => [`https://${host}:${port}/`, `http://${host}:${port}/`]);
	return [
		...places,
		`https://example.com@${quad}:${port}/`,
		`https://example.com:443@${quad}:${port}/`,
		`https://${quad}:${port}\\@example.com/`,
		`https:\\\\${quad}:${port}\\`,
		`https:${quad}:${port}/`,
		`https:/${quad}:${port}/`,
		`https:///${quad}:${port}/`,
		`HTTPS://${quad}:${port}/`,
		` \thttps://${quad}:${port}/`,
		`ht\ntps://${quad.replace('.', '\t.')}:${port}/`,
		`https://${quad}:${port}#@example.com/`,
		`https://${quad}:${port}?@example.com/`,
		`https://${quad}:0${port}/`,
		`//${quad}:${port}/`,
		`ftp://${quad}:${port}/`,
		`gopher://${quad}:${port}/_x`,
		`ws://${quad}:${port}/`,
	];
}

/** The whole corpus, towards one port. */
export function corpus(port: number): readonly string[] {
	const four = FORBIDDEN_V4.flatMap((quad) => spellingsOf(quad, port));
	const six = FORBIDDEN_V6.flatMap((address) => [`https://[${address}]:${port}/`, `http://[${address}]:${port}/`]);
	const others = ['file:///etc/hosts', 'data:text/plain,x', 'javascript:1', 'unix:/run/x.sock', '', 'https://', 'x'];
	const names = ['localhost', 'LOCALHOST', 'localhost.', 'ｌｏｃａｌｈｏｓｔ', 'loc%61lhost', 'no-such-name.invalid'];
	return [...new Set([...four, ...six, ...others, ...names.map((name) => `https://${name}:${port}/`)])];
}
