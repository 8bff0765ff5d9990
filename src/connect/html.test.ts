import { describe, expect, it } from 'vitest';
import { foreignName, html } from './html.ts';

describe('markup', () => {
	it('holds text as text, whatever it says', () => {
		const hostile = `<img src=x onerror=alert(1)>"'&\${}`;
		const { markup } = html`<p title="${hostile}">${hostile}</p>`;
		const escaped = '&lt;img src=x onerror=alert(1)&gt;&quot;&#39;&amp;${}';
		expect(markup).toBe(`<p title="${escaped}">${escaped}</p>`);
	});

	it('holds markup, lists and numbers as they are, and nothing for nothing', () => {
		const item = (text: string) => html`<li>${text}</li>`;
		expect(html`<ul>${['<', 'b'].map(item)}</ul>${undefined}${7}${['a', undefined]}`.markup).toBe(
			'<ul><li>&lt;</li><li>b</li></ul>7a',
		);
	});

	it('escapes text that looks like what has been escaped', () => {
		expect(html`${'&lt;script&gt;'}`.markup).toBe('&amp;lt;script&amp;gt;');
	});
});

describe('a name of somebody else', () => {
	it('keeps the letters of all scripts', () => {
		for (const name of ['Jürgen', '株式会社', 'שלום', 'Ольга & Söhne', '👩🏽']) expect(foreignName(name)).toBe(name);
	});

	it('cannot turn the text around it, hide in it, or break its line', () => {
		expect(foreignName('a\u202eb\u2066c\u200fd')).toBe('a b c d');
		expect(foreignName('pay\u200bpal\ufeff')).toBe('pay pal');
		expect(foreignName('a\r\nb\u2028c\u0000d\u001be')).toBe('a  b c d e');
	});

	it('has an end', () => {
		expect([...foreignName('👍'.repeat(10_000))]).toHaveLength(120);
		expect(foreignName('x'.repeat(120))).toBe('x'.repeat(120));
	});
});
