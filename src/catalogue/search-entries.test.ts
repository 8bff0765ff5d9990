import { describe, expect, it } from 'vitest';
import { findEntry } from './find-entry.ts';
import { createCatalogue } from './load-catalogue.ts';
import { searchEntries } from './search-entries.ts';

const ALL = createCatalogue().all();
const found = (text: string) => {
	const finding = findEntry(ALL, text);
	return finding.kind === 'entry' ? finding : expect.fail(`${text}: ${finding.kind}`);
};

describe('finding a service', () => {
	it.each([
		['linear', 'linear'],
		['  LINEAR ', 'linear'],
		['Notion', 'notion'],
		['jira', 'atlassian'],
		['OneDrive', 'onedrive-sharepoint'],
		['https://mcp.linear.app/mcp/', 'linear'],
		['https://MCP.linear.app/mcp?x=1', 'linear'],
		['https://my-org.snowflakecomputing.com/api/v2/databases/a/schemas/b/mcp-servers/c', 'snowflake'],
		['https://mcp.datadoghq.eu/v1/mcp', 'datadog'],
		['https://mcp.eu.intercom.com/mcp', 'intercom'],
		['https://dbc.cloud.databricks.com/api/2.0/mcp/functions/a/b', 'databricks'],
		['@modelcontextprotocol/server-memory', 'memory'],
		['@modelcontextprotocol/server-memory@2026.8.31', 'memory'],
		['hashicorp/terraform-mcp-server', 'terraform'],
		['github-mcp-server', 'github'],
	])('%s is %s, with nothing to say', (text, id) => {
		expect(found(text).entry.id).toBe(id);
		expect(found(text).note).toBeUndefined();
	});

	it.each([
		['@sonarqube/mcp-server', 'sonarqube', 'sonarsource/sonarqube-mcp'],
		['@anthropic/mcp-sonarqube', 'sonarqube', 'sonarqube-mcp-server'],
		['clickup-mcp-server', 'clickup', 'hosted'],
		['@taazkareem/clickup-mcp-server', 'clickup', 'licence'],
		['@modelcontextprotocol/gdrive', 'google-drive', 'server-gdrive'],
		['@modelcontextprotocol/server-gdrive', 'google-drive', 'https://drivemcp.googleapis.com/mcp/v1'],
		['@microsoft/files-mcp-server', 'onedrive-sharepoint', 'Work IQ'],
		['https://mcp.asana.com/sse', 'asana', 'https://mcp.asana.com/v2/mcp'],
		['https://mcp.atlassian.com/v1/sse', 'atlassian', 'https://mcp.atlassian.com/v2/mcp'],
		['https://mcp.hubspot.com/anthropic', 'hubspot', 'https://mcp.hubspot.com'],
		['https://mcp.datadoghq.com/api/unstable/mcp-server/mcp', 'datadog', '/v1/mcp'],
		['shelfio/datadog-mcp', 'datadog', 'better choice'],
		['@pulumi/mcp-server', 'pulumi', 'https://mcp.ai.pulumi.com/mcp'],
		['mcp-server-filesystem', 'filesystem', 'must not be run'],
		['@modelcontextprotocol/server-postgres', 'postgresql', 'SQL injection'],
		['@modelcontextprotocol/server-puppeteer', 'puppeteer', 'Playwright'],
		['@notionhq/notion-mcp-server@1.0.0', 'notion', '2.5.2, not 1.0.0'],
	])('%s leads to %s with a sentence', (text, id, sentence) => {
		expect(found(text).entry.id).toBe(id);
		expect(found(text).note).toContain(sentence);
	});

	it('knows every deprecated address and package, and says something of each', () => {
		for (const { id, endpoints } of ALL) {
			for (const each of endpoints.filter(({ deprecated }) => deprecated !== undefined)) {
				const name = each.transport === 'stdio' ? (each.package ?? expect.fail()) : each.url;
				expect(found(name), name).toMatchObject({ entry: { id }, note: expect.stringContaining('.') });
			}
		}
	});

	it('says when a vendor or a package has several', () => {
		expect(findEntry(ALL, 'microsoft')).toMatchObject({ kind: 'several' });
		expect(findEntry(ALL, '@toolbox-sdk/server')).toMatchObject({
			kind: 'several',
			entries: [{ id: 'postgresql' }, { id: 'sqlite' }],
		});
	});

	it('names the nearest where there is none', () => {
		expect(findEntry(ALL, 'githb')).toEqual({ kind: 'none', nearest: 'github' });
		expect(findEntry(ALL, 'qqqqqqqqqqqqqqqqqqqqqqqqqqqqqq')).toEqual({ kind: 'none', nearest: undefined });
		expect(findEntry(ALL, 'https://evil.example/mcp')).toMatchObject({ kind: 'none' });
	});
});

describe('searching for services', () => {
	it.each([
		['postgres', 'postgresql'],
		['jira', 'atlassian'],
		['calendar', 'google-calendar'],
		['calender', 'google-calendar'],
		['linaer', 'linear'],
		['notino', 'notion'],
		['spreadsheets', 'google-docs'],
		['microsoft files', 'onedrive-sharepoint'],
		['cloudflare logs', 'cloudflare-observability'],
		['payments stripe', 'stripe'],
		['@notionhq/notion-mcp-server', 'notion'],
	])('%s: first %s', (text, id) => expect(searchEntries(ALL, text)[0]?.id).toBe(id));

	it('finds a whole category', () => {
		const databases = searchEntries(ALL, 'database').map(({ id }) => id);
		expect(databases).toEqual(expect.arrayContaining(['postgresql', 'mysql', 'mongodb', 'sqlite', 'redis']));
	});

	it('finds nothing for nothing, and nothing for what there is not', () => {
		expect(searchEntries(ALL, '')).toEqual([]);
		expect(searchEntries(ALL, ' / ')).toEqual([]);
		expect(searchEntries(ALL, 'qqqqqqqqqqqq')).toEqual([]);
	});
});
