// Server-sent events (WHATWG HTML), read with fetch: so the first request can name the entry to go on after, and a refusal
// can be read. EventSource allows neither.
import {ApiError, request} from './api';

export interface StreamEvent {
  id: string;
  event: string;
  data: string;
}

// Takes a stream's text apart as it arrives.
export class EventParser {
  private rest = '';
  private id = '';
  private event = '';
  private data: string[] = [];

  push(text: string, take: (event: StreamEvent) => void): void {
    this.rest += text;
    for (;;) {
      const end = this.rest.search(/[\r\n]/);
      if (end < 0) return;
      // A "\r" at the very end may be half of a line end.
      if (this.rest[end] === '\r' && end + 1 === this.rest.length) return;
      const line = this.rest.slice(0, end);
      this.rest = this.rest.slice(end + (this.rest.startsWith('\r\n', end) ? 2 : 1));
      this.line(line, take);
    }
  }

  private line(line: string, take: (event: StreamEvent) => void): void {
    if (line === '') {
      if (this.data.length > 0) take({id: this.id, event: this.event || 'message', data: this.data.join('\n')});
      this.event = '';
      this.data = [];
      return;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return; // a comment, to keep the connection
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (name === 'data') this.data.push(value);
    else if (name === 'event') this.event = value;
    else if (name === 'id') this.id = value;
  }
}

export type StreamState = 'connecting' | 'live' | 'waiting' | 'refused';

const FIRST_WAIT_MS = 500, LONGEST_WAIT_MS = 15_000;

// Follows until ended, connecting again after each break where it left off. Returns the end.
export function follow(path: string, after: number | undefined, onEvent: (event: StreamEvent) => void, onState: (state: StreamState) => void): () => void {
  const controller = new AbortController();
  let last = after === undefined ? '' : String(after);
  const once = async (): Promise<void> => {
    const headers: Record<string, string> = {Accept: 'text/event-stream'};
    if (last !== '') headers['Last-Event-ID'] = last;
    const response = await request(path, {headers, signal: controller.signal});
    onState('live');
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    const parser = new EventParser();
    for (;;) {
      const {done, value} = await reader.read();
      if (done) return;
      parser.push(value, event => {
        if (event.id !== '') last = event.id;
        onEvent(event);
      });
    }
  };
  const run = async (): Promise<void> => {
    let wait = FIRST_WAIT_MS;
    onState('connecting');
    while (!controller.signal.aborted) {
      const began = Date.now();
      try {
        await once();
      } catch (error) {
        if (controller.signal.aborted) return;
        if (error instanceof ApiError && error.status >= 400 && error.status < 500 && error.status !== 429) return onState('refused');
      }
      if (controller.signal.aborted) return;
      onState('waiting');
      if (Date.now() - began > LONGEST_WAIT_MS) wait = FIRST_WAIT_MS;
      await new Promise(resolve => setTimeout(resolve, wait));
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    }
  };
  void run();
  return () => controller.abort();
}
