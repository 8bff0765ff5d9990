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
