// The shapes of the API's JSON (docs/json.md, src/api/openapi.json), as far as the pages use them.

export type Json = null | boolean | number | string | Json[] | {[name: string]: Json};
export type Row = {[column: string]: Json};

export type ChangeKind = 'baseline' | 'insert' | 'update' | 'delete' | 'truncate';
export type EntryKind = ChangeKind | 'schema' | 'gap' | 'control' | 'access' | 'alert' | 'undo' | 'erase';
export type Via = 'app' | 'job' | 'flow' | 'import' | 'trigger' | 'sql' | 'undo' | 'unknown';
export type Trust = 'verified' | 'claimed' | 'database' | 'unknown';

export interface Change {
  field: string;
  path?: string; // JSON pointer, when one place inside a JSON column changed
  old?: Json;
  new?: Json;
  unknown?: boolean; // there was an old value, which cannot be known
  new_unknown?: boolean;
  old_hex?: string;
  new_hex?: string;
  masked?: boolean;
}

export interface Entry {
  seq: number;
  kind: EntryKind;
  source?: string;
  table?: string;
  key?: {[column: string]: string};
  old_key?: {[column: string]: string};
  tenant?: string;
  subject?: string;
  changes?: Change[];
  actor?: {id?: string; name?: string; name_from?: string; trust: Trust; from_column?: boolean};
  via?: Via;
  db?: {role?: string; application?: string; client?: string};
  context?: {[name: string]: Json};
  context_raw?: string;
  tx?: {xid?: string; lsn: string; ordinal: number; committed_at?: string; origin?: string};
  received_at: string;
  housekeeping?: boolean;
  erased?: boolean;
  locked?: boolean;
  forged?: boolean;
  bulk?: boolean;
  prev?: number;
  detail?: Json;
  before?: Row;
  after?: Row;
  masked?: string[]; // columns of before and after
}

export interface EntryPage {
  entries: Entry[];
  next_cursor?: string;
}

export interface PastRow {
  table: string;
  key: Json;
  when?: string;
  exists: boolean;
  seq?: number | null;
  row?: Row;
  masked?: string[];
}

export interface RowDifference {
  from: {when: string; exists: boolean; seq?: number | null};
  to: {when: string; exists: boolean; seq?: number | null};
  changes: Change[];
}

export type Right =
  | 'read_entries' | 'see_plain' | 'unmask' | 'export' | 'undo' | 'erase' | 'read_access' | 'read_health' | 'operate'
  | 'manage_people';
export const ROLES = ['viewer', 'editor', 'auditor', 'privacy', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number] | 'owner';

export interface Me {
  id: string;
  name: string;
  role: Role;
  tenant: string | null;
  kind: string;
  rights: Right[];
  csrf?: string;
  time_zone?: string;
  labels?: {[column: string]: {[value: string]: string}};
  labels_before?: {[column: string]: {[value: string]: {until: number; label: string}[]}}; // in entries before that one; newest first
  tenants?: {[tenant: string]: string};
}

export interface Bucket {
  key: string;
  label?: string; // a person's or a row's name, where the reader may see it
  count: number;
  parts?: {[part: string]: number};
  query?: string;
}

// Changes counted in one way.
export interface Insight {
  by: string;
  total: number;
  buckets: Bucket[];
}

// Changes counted in all the ways that the view shows.
export interface Insights {
  total: number;
  day: Bucket[];
  hour_of_week: Bucket[];
  field: Bucket[];
  actor: Bucket[];
  via: Bucket[];
  row: Bucket[];
}

// How the program does.
export interface Status {
  version?: string;
  lag_bytes: number | null;
  lag_seconds: number | null;
  disk_bytes: number;
  verifier_key: string | null;
  slot: {name?: string; exists: boolean; active: boolean; wal_status: string | null; retained_bytes: number} | null;
  tables: string[];
}

// Whether the log is whole.
export interface Integrity {
  source: string;
  phase: string;
  problem: string | null;
  warnings: string[];
  captured_until: string | null; // all that was committed before is in the log
  entries: number;
  gaps: {count: number; newest: Entry[]};
  checkpoint: {origin: string; size: number; root: string; age_seconds: number} | null;
  verifier_key: string | null;
  // Shares of the changes since since_seq.
  coverage: {since_seq: number; changes: number; verified: number; claimed: number; database: number; unknown: number};
}

export interface User {
  name: string;
  role: Role;
  tenant: string | null;
  disabled: boolean;
  created_at: string;
  last_sign_in_at?: string | null;
}

export interface Token {
  id: number;
  name: string;
  role: Role;
  tenant: string | null;
  created_at?: string;
  expires_at?: string | null;
  last_used_at?: string | null;
}

export interface AccessDetail {
  reader?: {kind?: string; id: string; name?: string; role?: string; tenant?: string};
  route?: string;
  query?: string;
  table?: string;
  key?: string;
  entries?: number;
  unmasked?: string[];
  reason?: string;
}

export interface ExportJob {
  id: string;
  state: 'running' | 'done' | 'failed';
  entries?: number;
  bytes?: number;
  sha256?: string;
  progress?: number;
}
