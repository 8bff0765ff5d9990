import { SaxesParser } from 'saxes';

/** One element of an XML document; comments are left out. */
export interface XmlElement {
	readonly name: string;
	readonly attributes: Readonly<Record<string, string>>;
	readonly children: readonly XmlElement[];
	/** Its own text, without that of its children. */
	readonly text: string;
}

interface Growing extends XmlElement {
	readonly children: Growing[];
	text: string;
}

/** Reads a document; throws with line and column when it is not well-formed (XML 1.0). */
export function readXml(document: string): XmlElement {
	const root: Growing = { name: '', attributes: {}, children: [], text: '' };
	const path = [root];
	const parser = new SaxesParser();
	parser.on('error', (error) => {
		throw error;
	});
	parser.on('opentag', ({ name, attributes }) => {
		const element: Growing = { name, attributes: attributes as Record<string, string>, children: [], text: '' };
		path.at(-1)?.children.push(element);
		path.push(element);
	});
	parser.on('text', (text) => {
		(path.at(-1) as Growing).text += text;
	});
	parser.on('closetag', () => void path.pop());
	parser.write(document).close();
	return root.children[0] as Growing;
}

/** An element and everything in it, in the order of the document. */
export function* elementsIn(element: XmlElement): Generator<XmlElement, void> {
	yield element;
	for (const child of element.children) yield* elementsIn(child);
}
