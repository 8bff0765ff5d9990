import { expect, it } from 'vitest';
import { resourceMetadata } from './resource-metadata.ts';

it('the metadata names the address, each issuer once, and the header as the only carrier', () => {
	const directories = [{ issuer: 'https://a/v2.0' }, { issuer: 'https://b/v2.0' }, { issuer: 'https://a/v2.0' }];
	expect(resourceMetadata({ resource: 'https://gateway.example/mcp', directories, name: 'Portcullis' })).toEqual({
		resource: 'https://gateway.example/mcp',
		authorization_servers: ['https://a/v2.0', 'https://b/v2.0'],
		bearer_methods_supported: ['header'],
		resource_name: 'Portcullis',
	});
});

it('the metadata names each scope once, where directories have any', () => {
	const directories = [
		{ issuer: 'https://a', scopes: ['x', 'y'] },
		{ issuer: 'https://b', scopes: ['y'] },
		{ issuer: 'https://c' },
	];
	const { scopes_supported: scopes } = resourceMetadata({
		resource: 'https://gateway.example',
		directories,
		name: 'P',
	});
	expect(scopes).toEqual(['x', 'y']);
});
