// A client as somebody would write it against the description of the API. It must type-check; the lines marked as
// expected errors must not.
import createClient from "openapi-fetch";
import type { components, paths } from "./api";

type Entry = components["schemas"]["Entry"];

const client = createClient<paths>({ baseUrl: "http://127.0.0.1:7070", headers: { Authorization: "Bearer rl_x" } });

// Every page of a search, as sentences.
export async function* sentences(q: string): AsyncGenerator<string> {
  let cursor: string | undefined;
  do {
    const { data, error } = await client.GET("/v1/entries", { params: { query: { q, limit: 100, order: "asc", cursor } } });
    if (!data) throw new Error(`${error.title}: ${error.detail}`);
    for (const entry of data.entries) yield sentence(entry);
    cursor = data.next_cursor;
  } while (cursor);
}

function sentence(entry: Entry): string {
  const who = entry.actor?.name ?? entry.db?.role ?? "unknown";
  const fields = (entry.changes ?? []).map((change) => `${change.field}: ${String(change.old)} -> ${String(change.new)}`);
  return `#${entry.seq} ${who} (${entry.actor?.trust ?? "unknown"}) ${entry.kind} ${entry.table ?? ""} ${fields.join(", ")}`;
}

export async function phoneInJune(key: string): Promise<unknown> {
  const { data } = await client.GET("/v1/rows/{table}/{key}/at", {
    params: { path: { table: "public.contacts", key }, query: { when: "2026-06-01" } },
  });
  return data?.exists ? data.row?.["phone"] : undefined;
}

export async function exported(q: string): Promise<string> {
  const ordered = await client.POST("/v1/exports", { body: { format: "csv", q } });
  if (!ordered.data) throw new Error(ordered.error.detail);
  const path = { id: ordered.data.id };
  for (;;) {
    const { data } = await client.GET("/v1/exports/{id}", { params: { path } });
    if (data?.state === "failed") throw new Error(data.problem);
    if (data?.state === "done") break;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  const file = await client.GET("/v1/exports/{id}/data", { params: { path }, parseAs: "text" });
  return file.data ?? "";
}

export async function mistakes(): Promise<void> {
  // @ts-expect-error there is no such address
  await client.GET("/v1/entires");
  // @ts-expect-error limit is a number
  await client.GET("/v1/entries", { params: { query: { limit: "all" } } });
  // @ts-expect-error when is missing
  await client.GET("/v1/rows/{table}/{key}/at", { params: { path: { table: "t", key: "1" } } });
  // @ts-expect-error xml is no format
  await client.POST("/v1/exports", { body: { format: "xml" } });
  const { data } = await client.GET("/v1/entries/{seq}", { params: { path: { seq: 1 } } });
  // @ts-expect-error an entry has no such member
  console.log(data?.author);
  // @ts-expect-error nobody knows a trust by that name
  console.log(data?.actor?.trust === "sure");
}
