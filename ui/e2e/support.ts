// What the tests share: the demo that they look at, the browser, who is signed in.
import {spawnSync} from 'node:child_process';
import {mkdirSync, readFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {join} from 'node:path';
import assert from 'node:assert/strict';
import {chromium, type Browser, type BrowserContext, type Page} from 'playwright-core';

interface Ready {
  url: string;
  people: Record<'admin' | 'auditor' | 'viewer', {name: string; tenant: string | null; password: string; link: string}>;
  database: string;
  environment: Record<string, string>;
  monday: string;
  days: boolean;
  program: string;
}

export const demo = JSON.parse(readFileSync(process.env['ROWLEDGER_READY']!, 'utf8')) as Ready;
export const shots = process.env['ROWLEDGER_SHOTS']!;
mkdirSync(shots, {recursive: true});
export type Who = keyof Ready['people'];

export function sql(text: string, context?: object): string {
  const set = context ? `SELECT set_config('rowledger.context', '${JSON.stringify(context).replaceAll("'", "''")}', true) \\gset ignored_\n` : '';
  const done = spawnSync('/usr/lib/postgresql/15/bin/psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', demo.database], {
    input: `BEGIN;\n${set}${text};\nCOMMIT;\n`, encoding: 'utf8', env: demo.environment,
  });
  assert.equal(done.status, 0, done.stderr);
  return done.stdout.trim();
}

// Returns when everything committed up to now is in the log.
export function sync(): void {
  const done = spawnSync(demo.program, ['sync', '--timeout', '30'], {encoding: 'utf8', env: demo.environment});
  assert.equal(done.status, 0, done.stdout + done.stderr);
}

let browser: Browser | undefined;
const states = new Map<Who, Awaited<ReturnType<BrowserContext['storageState']>>>();
// What went wrong on any page, whatever the test looked at.
export const complaints: string[] = [];

export async function theBrowser(): Promise<Browser> {
  browser ??= await chromium.launch({executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage']});
  return browser;
}

export async function closeBrowser(): Promise<void> {
  await browser?.close();
}

export interface View {
  lang?: 'en' | 'hi' | 'pseudo';
  theme?: 'light' | 'dark';
  width?: number;
  height?: number;
}

function watch(page: Page): void {
  page.on('pageerror', error => complaints.push(`${page.url()}: ${error.stack ?? error.message}`));
  page.on('console', message => {
    // Refusals that a test provokes are told by the browser, too.
    if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) complaints.push(`${page.url()}: ${message.text()}`);
  });
  page.on('request', request => {
    if (!request.url().startsWith(demo.url) && !/^(blob|data):/.test(request.url())) complaints.push(`${page.url()} asked ${request.url()}`);
  });
}

async function newPage(view: View, storageState?: Awaited<ReturnType<BrowserContext['storageState']>>): Promise<Page> {
  const context = await (await theBrowser()).newContext({
    viewport: {width: view.width ?? 1440, height: view.height ?? 900}, locale: 'en-IN', timezoneId: 'Europe/Berlin', colorScheme: view.theme ?? 'light',
    acceptDownloads: true, ...(storageState ? {storageState} : {}),
  });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  watch(page);
  return page;
}

export function address(path: string, view: View = {}): string {
  const url = new URL(path, demo.url);
  url.searchParams.set('lang', view.lang ?? 'en');
  url.searchParams.set('theme', view.theme ?? 'light');
  return url.href;
}

export async function stranger(path = '/', view: View = {}): Promise<Page> {
  const page = await newPage(view);
  await page.goto(address(path, view));
  return page;
}

// A page of somebody who has signed in with name and password.
export async function as(who: Who, path = '/', view: View = {}): Promise<Page> {
  if (!states.has(who)) {
    const page = await stranger('/');
    await page.getByLabel('Name').fill(demo.people[who].name);
    await page.getByLabel('Password').fill(demo.people[who].password);
    await page.getByRole('button', {name: 'Sign in'}).click();
    await page.getByRole('navigation', {name: 'Views'}).waitFor();
    states.set(who, await page.context().storageState());
    await page.context().close();
  }
  const page = await newPage(view, states.get(who));
  await page.goto(address(path, view));
  await settled(page);
  return page;
}

export async function leave(page: Page): Promise<void> {
  await page.context().close();
}

// Nothing is loading any more.
export async function settled(page: Page): Promise<void> {
  await page.locator('main').waitFor();
  await page.waitForFunction(() => document.querySelector('.loading, :is(.details, .fold-entries)[aria-busy="true"]') === null);
  await page.evaluate(() => document.fonts.ready);
}

// rarely: only where all were asked for.
export async function screenshot(page: Page, name: string, rarely = false): Promise<void> {
  if (rarely && !process.env['ROWLEDGER_ALL_SHOTS']) return;
  await page.screenshot({path: join(shots, `${name}.png`), animations: 'disabled'});
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

interface AxeResult {
  violations: {id: string; help: string; nodes: {target: string[]; failureSummary?: string}[]}[];
}

// colours: of these rules only those that look at colours.
export async function findBarriers(page: Page, where: string, which: 'all' | 'colours' = 'all'): Promise<string[]> {
  if (!await page.evaluate(() => 'axe' in window)) await page.evaluate(axeSource);
  const result = await page.evaluate(async runOnly => {
    const axe = (window as unknown as {axe: {run: (root: Document, options: object) => Promise<unknown>}}).axe;
    return axe.run(document, {runOnly, resultTypes: ['violations']});
  }, which === 'all' ? {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']} : {type: 'rule', values: ['color-contrast', 'link-in-text-block']}) as AxeResult;
  return result.violations.map(each => `${where}: ${each.id}: ${each.help}\n    ${each.nodes.slice(0, 3).map(node => `${node.target.join(' ')} ${node.failureSummary?.replaceAll('\n', ' ') ?? ''}`).join('\n    ')}`);
}

// By how much the page is wider than its window.
export function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
