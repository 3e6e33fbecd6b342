// A certificate authority for one test file, and server certificates from it, by the openssl command.
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder } from './run.mjs';

let authority;

/** The authority's certificate as a PEM file: what a client has to trust. */
export function authorityFile() {
  authority ??= makeAuthority();
  return authority.certificate;
}

/** A server certificate for `names` (and 127.0.0.1): `{ certificate, key }`, PEM files. */
export function serverCertificate(name, names) {
  authorityFile();
  const home = folder('tls');
  const [key, request, certificate, extensions] = ['key', 'csr', 'crt', 'ext'].map((end) => join(home, `${name}.${end}`));
  const alternatives = [...names.map((n) => `DNS:${n}`), 'IP:127.0.0.1'].join(',');
  writeFileSync(extensions, `subjectAltName=${alternatives}\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n`);
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', request, '-subj', `/CN=${names[0]}`);
  openssl('x509', '-req', '-in', request, '-CA', authority.certificate, '-CAkey', authority.key, '-CAcreateserial',
    '-out', certificate, '-days', '30', '-sha256', '-extfile', extensions);
  return { certificate, key };
}

function makeAuthority() {
  const home = folder('tls');
  const certificate = join(home, 'authority.crt');
  const key = join(home, 'authority.key');
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', certificate,
    '-days', '30', '-subj', '/CN=test authority', '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=keyCertSign');
  return { certificate, key };
}

function openssl(...args) {
  execFileSync('openssl', args, { stdio: 'pipe' });
}
