// The run directory: one folder for each test file below e2e/run, with the logs of every program it started.
import { mkdirSync, rmSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

/** The folder e2e/. */
export const e2eFolder = resolve(here, '..');

/** The repository's top folder. */
export const repository = resolve(here, '../..');

const name = basename(process.argv[1] ?? 'interactive').replace(/\.(test\.)?mjs$/, '');

/** This test file's folder, emptied at its start and kept after its end. */
export const runFolder = join(e2eFolder, 'run', name);
rmSync(runFolder, { recursive: true, force: true });
mkdirSync(runFolder, { recursive: true });

/** A new folder of that name inside the run folder. */
export function folder(...parts) {
  const path = join(runFolder, ...parts);
  mkdirSync(path, { recursive: true });
  return path;
}
