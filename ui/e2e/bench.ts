// What a person waits for: `name value` lines, milliseconds unless the name says otherwise. ./dev bench ui
import {spawn} from 'node:child_process';
import {createInterface} from 'node:readline';
import {request} from 'node:http';
import type {Page} from 'playwright-core';
import {address, as, closeBrowser, demo, leave, settled} from './support';

const ROUNDS = 40, SLOWER = 4, ROWS = 10_000;

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
const report = (name: string, value: number): void => console.log(`${name} ${Math.round(value * 10) / 10}`);

// From the moment when psql has COMMIT's answer to the frame in which an open Activity page has drawn the change.
async function commitToVisible(): Promise<void> {
  const page = await as('auditor');
  await page.getByRole('button', {name: 'Live'}).waitFor();
  await page.evaluate(() => {
    const seen = new Map<string, number>();
    (window as unknown as {seen: typeof seen}).seen = seen;
    new MutationObserver(() => {
      const mark = /bench-\d+/.exec(document.querySelector('.line')?.textContent ?? '')?.[0];
      if (mark === undefined || seen.has(mark)) return;
      seen.set(mark, 0);
      requestAnimationFrame(() => requestAnimationFrame(() => seen.set(mark, Date.now())));
    }).observe(document.querySelector('.days')!, {childList: true, subtree: true});
  });
  const psql = spawn('/usr/lib/postgresql/15/bin/psql', ['-XAtq', '-d', demo.database], {env: demo.environment, stdio: ['pipe', 'pipe', 'inherit']});
  const lines = createInterface({input: psql.stdout})[Symbol.asyncIterator]();
  const waits: number[] = [];
  for (let round = 0; round < ROUNDS; ++round) {
    // Known again by its reason, which no mask hides.
    psql.stdin.write(`BEGIN; SELECT set_config('rowledger.context', '{"reason":"bench-${round}"}', true) \\gset ignored_\nUPDATE contacts SET optin_status = NOT optin_status WHERE id = 600; COMMIT;\n\\echo done\n`);
    await lines.next();
    const committed = Date.now();
    const seen = await page.waitForFunction(mark => (window as unknown as {seen: Map<string, number>}).seen.get(mark) || false, `bench-${round}`, {polling: 20});
    waits.push(Math.max(0, Number(await seen.jsonValue()) - committed));
    await new Promise(done => setTimeout(done, 50 + (round * 37) % 200));
  }
  psql.stdin.end();
  report('ui.commit_to_visible_p50_ms', median(waits));
  report('ui.commit_to_visible_worst_ms', Math.max(...waits));
  await leave(page);
}

async function slowDown(page: Page): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Emulation.setCPUThrottlingRate', {rate: SLOWER});
}

// From each event to the frame that shows what it did, as the browser tells it (Event Timing); the worst of a step.
async function worstEvent(page: Page, act: () => Promise<void>): Promise<number> {
  const durations = (): Promise<number[]> => page.evaluate(() => {
    const here = window as unknown as {durations?: number[]};
    if (!here.durations) {
      const told: number[] = here.durations = [];
      new PerformanceObserver(list => told.push(...list.getEntries().map(entry => entry.duration))).observe({type: 'event', durationThreshold: 16} as PerformanceObserverInit);
    }
    return here.durations.splice(0);
  });
  await durations();
  await act();
  await page.waitForTimeout(500);
  return Math.max(0, ...await durations());
}

const INTERACTIONS: Record<string, {at: string; act: (page: Page) => Promise<void>}> = {
  open_line: {at: '/', act: async page => { for (const toggle of (await page.locator('main .line > [data-key="open"]').all()).slice(0, 6)) await toggle.click(); }},
  type: {at: '/', act: page => page.getByRole('combobox').pressSequentially('field:phone ', {delay: 60})},
  open_fold: {at: '/?q=via:import', act: page => page.locator('main .fold > [data-key="open"]').first().click()},
  open_row: {at: '/?q=field:phone', act: page => page.locator('main .line a[href^="/rows/"]').first().click()},
  go_to_insights: {at: '/', act: page => page.getByRole('link', {name: 'Insights'}).click()},
};

async function firstPaintAndInteraction(): Promise<void> {
  const paints: number[] = [], worst: number[] = [], byName = new Map<string, number[]>();
  for (let round = 0; round < 5; ++round) {
    const page = await as('auditor', '/integrity');
    await slowDown(page);
    await page.goto(address('/'));
    await settled(page);
    paints.push(await page.evaluate(() => new Promise<number>(done => {
      new PerformanceObserver(list => done(list.getEntries().at(-1)!.startTime)).observe({type: 'largest-contentful-paint', buffered: true});
    })));
    let now = '/';
    const durations: number[] = [];
    for (const [name, {at, act}] of Object.entries(INTERACTIONS)) {
      if (at !== now) {
        await page.goto(address(at));
        await settled(page);
      }
      durations.push(await worstEvent(page, () => act(page)));
      byName.set(name, [...byName.get(name) ?? [], durations.at(-1)!]);
      now = at;
    }
    worst.push(Math.max(...durations));
    await leave(page);
  }
  report('ui.largest_contentful_paint_ms', median(paints));
  for (const [name, durations] of byName) report(`ui.interaction_${name}_ms`, median(durations));
  report('ui.interaction_worst_ms', median(worst));
}

async function scrolling(): Promise<void> {
  const page = await as('auditor');
  let rows = 0;
  page.on('response', answer => {
    if (new URL(answer.url()).pathname === '/v1/entries') void answer.json().then((body: {entries: unknown[]}) => { rows += body.entries.length; });
  });
  await page.goto(address('/?all=1&fold=no'));
  await settled(page);
  await page.evaluate(() => {
    const gaps = {worst: 0, last: performance.now()};
    (window as unknown as {gaps: typeof gaps}).gaps = gaps;
    const frame = (now: number): void => {
      gaps.worst = Math.max(gaps.worst, now - gaps.last);
      gaps.last = now;
      requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
  });
  // Each time to what is the end by then, until a line stands in the middle of the window again.
  while (rows < ROWS) {
    const before = rows;
    await page.mouse.wheel(0, 30_000);
    await page.waitForFunction(() => document.elementFromPoint(innerWidth / 2, innerHeight / 2)?.closest('.line'));
    for (const end = Date.now() + 10_000; rows === before && Date.now() < end;) await page.waitForTimeout(20);
  }
  report('ui.scrolled_rows', rows);
  report('ui.longest_frame_ms', await page.evaluate(() => (window as unknown as {gaps: {worst: number}}).gaps.worst));
  await leave(page);
}

// What a first visit fetches, as the daemon sends it.
async function firstLoad(): Promise<void> {
  const fetched = (path: string): Promise<{bytes: number; text: Buffer}> => new Promise((done, failed) => {
    request(new URL(path, demo.url), {headers: {'Accept-Encoding': 'gzip'}}, answer => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part)).on('end', () => done({bytes: Buffer.concat(parts).length, text: Buffer.concat(parts)}));
    }).on('error', failed).end();
  });
  const page = await as('auditor');
  const assets = await page.evaluate(() => performance.getEntriesByType('resource').map(entry => new URL(entry.name).pathname).filter(path => path.startsWith('/assets/')));
  const sizes = await Promise.all(['/', ...new Set(assets)].map(async path => ({font: path.endsWith('.woff2'), ...await fetched(path)})));
  report('ui.first_load_bytes', sizes.filter(each => !each.font).reduce((sum, each) => sum + each.bytes, 0));
  report('ui.first_load_font_bytes', sizes.filter(each => each.font).reduce((sum, each) => sum + each.bytes, 0));
  await leave(page);
}

await firstLoad();
await commitToVisible();
await firstPaintAndInteraction();
await scrolling();
await closeBrowser();
