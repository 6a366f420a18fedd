// Ed25519 (RFC 8032): the browser's own where it has it, else noble's, which is pure JavaScript. A page without TLS on
// another host has no WebCrypto at all.
import {etc, verify} from '@noble/ed25519';
import {sha512} from '@noble/hashes/sha2.js';

etc.sha512Sync = (...parts) => sha512(etc.concatBytes(...parts));

export type Ed25519Source = 'webcrypto' | 'javascript';

export function verifyWithJavaScript(publicKey: Uint8Array, text: Uint8Array, signature: Uint8Array): boolean {
  try {
    // RFC 8032's own rules, as OpenSSL has them; not those of ZIP 215.
    return verify(signature, text, publicKey, {zip215: false});
  } catch {
    return false; // no point of the curve
  }
}

export async function verifyEd25519(publicKey: Uint8Array, text: Uint8Array, signature: Uint8Array): Promise<{right: boolean; by: Ed25519Source}> {
  const subtle = globalThis.crypto?.subtle as SubtleCrypto | undefined;
  if (subtle) {
    try {
      const key = await subtle.importKey('raw', publicKey as BufferSource, {name: 'Ed25519'}, false, ['verify']);
      return {right: await subtle.verify({name: 'Ed25519'}, key, signature as BufferSource, text as BufferSource), by: 'webcrypto'};
    } catch {
      // An older browser: it does not know the algorithm. Or the key is no point of the curve, which noble says too.
    }
  }
  return {right: verifyWithJavaScript(publicKey, text, signature), by: 'javascript'};
}
