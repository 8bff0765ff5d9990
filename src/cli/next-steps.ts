import type { EndpointNeeds } from '../catalogue/endpoint-needs.ts';
import type { Endpoint } from '../catalogue/endpoint-schema.ts';
import type { CatalogueEntry } from '../catalogue/entry-schema.ts';

/** A service that was just added. */
export interface AddedService {
	readonly entry: CatalogueEntry;
	readonly endpoint: Endpoint;
	readonly needs: EndpointNeeds;
	/** `workspace/server`. */
	readonly server: string;
	/** Whether a secret of this name is kept already. */
	isKept(name: string): boolean;
}

/** What is still to be done before a service that was added can be used, a sentence each; none where it can be. */
export function nextSteps(added: AddedService): readonly string[] {
	return [...clientSteps(added), ...secretSteps(added), ...connectSteps(added)];
}

function secretSteps({ needs, server, isKept }: AddedService): readonly string[] {
	const missing = needs.secrets.filter(({ name, required }) => required !== false && !isKept(name));
	return missing.map(({ name, description, where, link }) => {
		const place = [where ?? '', link ?? ''].filter((each) => each !== '').join(' ');
		return `It needs ${description}. ${place}\n  portcullis credential set ${server} --name ${name}`;
	});
}

function clientSteps({ needs, entry, server }: AddedService): readonly string[] {
	const { oauth, ownClient } = needs;
	const own =
		ownClient === undefined ? [] : [`${ownClient.text}${ownClient.link === undefined ? '' : ` ${ownClient.link}`}`];
	if (oauth.kind !== 'client') return own;
	const link = oauth.link === undefined ? '' : ` ${oauth.link}`;
	return [
		...own,
		`${entry.name} wants a client of your own: ${oauth.where}${link} Its redirect address is …/oauth/callback of this gateway.\n  portcullis credential client ${server} --client-id …`,
	];
}

function connectSteps({ needs }: AddedService): readonly string[] {
	if (needs.oauth.kind === 'none') return [];
	return ['Each person connects their own account at /connect of this gateway; a call without one gives the link.'];
}
