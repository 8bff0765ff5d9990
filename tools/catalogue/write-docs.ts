import { writeFileSync } from 'node:fs';
import { createCatalogue } from '../../src/catalogue/load-catalogue.ts';
import { readRuns } from './read-runs.ts';
import { renderCatalogue } from './render-catalogue.ts';
import { renderFormat } from './render-format.ts';

const DOCS = new URL('../../docs/', import.meta.url);

writeFileSync(new URL('catalogue.md', DOCS), renderCatalogue(createCatalogue().all(), readRuns()));
writeFileSync(new URL('catalogue-format.md', DOCS), renderFormat());
