import type { Secret } from '../lib/secret.ts';

/** The external stores of secrets that an operator has, and what each is for; from a file of their own. */
export interface SecretStores {
	/** HashiCorp Vault, or OpenBao, which speaks the same API. */
	readonly vault: VaultSettings | undefined;
	/** Azure Key Vault. */
	readonly azure: AzureSettings | undefined;
	/** Which of them wraps the keys of sealed secrets; `undefined`: a key of the gateway's own does. */
	readonly wrapsKeys: 'vault' | 'azure' | undefined;
}

/** How a Vault is reached. */
export interface VaultSettings {
	/** Origin and path before `/v1`, without a slash at the end. */
	readonly address: string;
	/** `X-Vault-Namespace`; `undefined`: the root. */
	readonly namespace: string | undefined;
	/** Certificates in PEM that vouch for it; `undefined`: those of the system. */
	readonly ca: string | undefined;
	readonly auth: VaultAuth;
	/** Where the key of the transit engine is that wraps. */
	readonly transit: { readonly mount: string; readonly key: string } | undefined;
	/** Where secrets of workspaces are, in an engine of key and value, version 2. */
	readonly kv: VaultKv | undefined;
}

/** Where secrets of workspaces are in a Vault. */
export interface VaultKv {
	readonly mount: string;
	/** Folder of one workspace, with `{workspace}` or `{id}` where its slug or its id goes. */
	readonly folder: string;
	/** How long a secret that was read is used, milliseconds. */
	readonly maxAgeMs: number;
}

/** How the gateway signs in at a Vault. Files are read at each sign-in, so that they can be renewed in place. */
export type VaultAuth =
	| { readonly method: 'token'; readonly tokenFile: string }
	| {
			readonly method: 'approle';
			readonly mount: string;
			readonly roleId: string;
			readonly secretIdFile: string;
	  }
	| { readonly method: 'kubernetes'; readonly mount: string; readonly role: string; readonly jwtFile: string };

/** How an Azure Key Vault is reached. */
export interface AzureSettings {
	/** Such as `https://company.vault.azure.net`, without a slash at the end. */
	readonly vaultUrl: string;
	readonly auth: AzureAuth;
	/** Name of the RSA key that wraps. */
	readonly wrappingKey: string | undefined;
	/** Where secrets of workspaces are read. */
	readonly secrets: AzureSecrets | undefined;
}

/** Where secrets of workspaces are in an Azure Key Vault. */
export interface AzureSecrets {
	/** Tag of a secret that says whose it is; its value is the workspace's slug or id. */
	readonly workspaceTag: string;
	/** How long a secret that was read is used, milliseconds. */
	readonly maxAgeMs: number;
}

/** How the gateway signs in at Entra for the vault (OAuth 2.0 client credentials, or the machine's own identity). */
export type AzureAuth =
	| {
			readonly method: 'client-secret';
			readonly tokenUrl: string;
			readonly clientId: string;
			readonly clientSecret: Secret;
	  }
	| {
			readonly method: 'workload-identity';
			readonly tokenUrl: string;
			readonly clientId: string;
			readonly assertionFile: string;
	  }
	| {
			readonly method: 'managed-identity';
			/** The endpoint of the machine. */
			readonly tokenUrl: string;
			readonly clientId: string | undefined;
	  };
