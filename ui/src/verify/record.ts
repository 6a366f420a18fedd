// An entry's header and body as they are encoded (docs/format/entry.md): so that what the page shows can be compared with
// what was signed.
import {fail} from './bytes';

const KINDS = ['', 'baseline', 'insert', 'update', 'delete', 'truncate', 'schema', 'gap', 'control', 'access', 'alert', 'undo', 'erase'];
const MAX_CHANGES = 4096, MAX_KEY_COLUMNS = 1664;

class Reader {
  private at = 0;
  private readonly view: DataView;
  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  take(n: number): Uint8Array {
    if (n > this.bytes.length - this.at) fail('the entry ends early');
    this.at += n;
    return this.bytes.subarray(this.at - n, this.at);
  }
  u8(): number {
    return this.take(1)[0]!;
  }
  u32(): number {
    this.take(4);
    return this.view.getUint32(this.at - 4);
  }
  u64(): bigint {
    this.take(8);
    return this.view.getBigUint64(this.at - 8);
  }
  time(): bigint {
    return BigInt.asIntN(64, this.u64());
  }
  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value >= 1n << 64n ? fail('a number is too large') : value;
    }
    return fail('a number is too long');
  }
  count(most: number): number {
    const n = this.varint();
    return n > BigInt(most) ? fail('too many of them') : Number(n);
  }
  text(): string {
    return new TextDecoder().decode(this.take(this.count(this.bytes.length)));
  }
  end(): void {
    if (this.at !== this.bytes.length) fail('something stands behind the entry');
  }
}

export interface Header {
  kind: string;
  seq: bigint;
  receivedAt: bigint; // microseconds since 1970
  source: string;
  table: string;
  tenant: string | undefined;
  committedAt: bigint | undefined;
  commitment: Uint8Array;
}

export function decodeHeader(bytes: Uint8Array): Header {
  const reader = new Reader(bytes);
  if (reader.u8() !== 1) fail('an entry of a version not known here');
  const kind = KINDS[reader.u8()] || fail('an entry of a kind not known here');
  const parts = reader.u8();
  reader.varint(); // flags
  reader.u8(); // trust
  reader.u8(); // via
  const seq = reader.u64(), receivedAt = reader.time();
  const source = reader.text(), table = reader.text();
  let tenant: string | undefined, committedAt: bigint | undefined;
  if (parts & 32) {
    tenant = reader.text();
    reader.varint();
  }
  if (parts & 1) reader.varint();
  if (parts & 2) reader.varint();
  if (parts & 4) {
    reader.u64();
    reader.varint();
    reader.u64();
    reader.varint();
    reader.u32();
    committedAt = reader.time();
    reader.text();
  }
  if (parts & 8) reader.take(16);
  if (parts & 16) reader.take(16);
  const commitment = reader.take(32);
  reader.end();
  return {kind, seq, receivedAt, source, table, tenant, committedAt, commitment};
}

// PostgreSQL's text of a value, or how it is absent.
export type StoredValue = {is: 'absent' | 'null' | 'unknown'} | {is: 'text'; text: string};

export interface Body {
  key: [string, string][];
  actorId: string;
  actorName: string;
  changes: {field: string; before: StoredValue; after: StoredValue}[];
}

function readKey(reader: Reader): [string, string][] {
  return Array.from({length: reader.count(MAX_KEY_COLUMNS)}, () => [reader.text(), reader.text()]);
}

function readValue(reader: Reader, bytes: number): StoredValue {
  const n = reader.count(bytes + 3);
  if (n === 0) return {is: 'absent'};
  if (n === 1) return {is: 'null'};
  if (n === 2) return {is: 'unknown'};
  return {is: 'text', text: new TextDecoder().decode(reader.take(n - 3))};
}

export function decodeBody(bytes: Uint8Array): Body {
  const reader = new Reader(bytes);
  if (reader.u8() !== 1) fail('values of a version not known here');
  const key = readKey(reader);
  readKey(reader); // the former key
  reader.text(); // subject
  const actorId = reader.text(), actorName = reader.text();
  for (let i = 0; i < 4; ++i) reader.text(); // role, application, client, context
  const changes = Array.from({length: reader.count(MAX_CHANGES)}, () => {
    const field = reader.text();
    reader.u8(); // form
    return {field, before: readValue(reader, bytes.length), after: readValue(reader, bytes.length)};
  });
  reader.text(); // detail
  reader.end();
  return {key, actorId, actorName, changes};
}
