// MD5 (RFC 1321), which browsers do not offer and SIP digest still asks for.
// ha1() is the only thing the phone ever sends: the password itself never leaves the page.

const SHIFTS = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
const SINES = Array.from({ length: 64 }, (_, i) => Math.floor(2 ** 32 * Math.abs(Math.sin(i + 1))) >>> 0);

/** MD5 of a string (as UTF-8), in lower-case hex. */
export function md5(text) {
  const bytes = new TextEncoder().encode(text);
  const padded = new Uint8Array(((bytes.length + 8) >> 6 << 6) + 64);
  padded.set(bytes);
  padded[bytes.length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 8, bytes.length << 3, true);
  view.setUint32(padded.length - 4, bytes.length >>> 29, true);

  let digest = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
  for (let block = 0; block < padded.length; block += 64) {
    let [a, b, c, d] = digest;
    for (let i = 0; i < 64; i++) {
      const round = i >> 4;
      const [mix, word] = [
        () => [(b & c) | (~b & d), i],
        () => [(d & b) | (~d & c), (5 * i + 1) % 16],
        () => [b ^ c ^ d, (3 * i + 5) % 16],
        () => [c ^ (b | ~d), (7 * i) % 16],
      ][round]();
      const sum = (a + mix + SINES[i] + view.getUint32(block + 4 * word, true)) | 0;
      const turn = SHIFTS[round][i % 4];
      [a, d, c, b] = [d, c, b, (b + ((sum << turn) | (sum >>> (32 - turn)))) | 0];
    }
    digest = digest.map((v, i) => (v + [a, b, c, d][i]) | 0);
  }
  return digest
    .flatMap((v) => [v, v >>> 8, v >>> 16, v >>> 24])
    .map((v) => (v & 255).toString(16).padStart(2, '0'))
    .join('');
}

/** The digest secret HA1 = MD5(user:realm:password); the realm is the domain of the address. */
export function ha1(address, password, realm = address.split('@')[1]) {
  return md5(`${address.split('@')[0]}:${realm}:${password}`);
}
