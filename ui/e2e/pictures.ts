// The README's pictures: node e2e/run.mjs --pictures ../docs/pictures
import {join} from 'node:path';
import type {Page} from 'playwright-core';
import {as, closeBrowser, demo, leave, settled, type View} from './support';

const folder = process.env['ROWLEDGER_PICTURES']!;
const saturday = new Date(Date.parse(demo.monday) + 5 * 86_400_000).toISOString().slice(0, 10);
const week = `created:${demo.monday}..${saturday}`;

async function picture(name: string, path: string, view: View, act: (page: Page) => Promise<void> = async () => undefined): Promise<void> {
  const page = await as('auditor', path, {width: 1280, height: 760, ...view});
  await act(page);
  await settled(page);
  await page.screenshot({path: join(folder, `${name}.png`), animations: 'disabled'});
  await leave(page);
}

await picture('activity', `/?q=${week}`, {});
await picture('row', '/rows/public.contacts/42?at=seq:15000', {});
await picture('insights', `/insights?from=${demo.monday}&to=${saturday}`, {height: 900});
await picture('verify', '/integrity', {}, async page => {
  await page.locator('.verify .button').first().click();
  await page.locator('.verdict.good').first().waitFor();
  await page.locator('.verify').evaluate(card => scrollTo(0, card.getBoundingClientRect().top + scrollY - 64));
});
await picture('phone-hindi', `/?q=${week}`, {lang: 'hi', theme: 'dark', width: 390, height: 780});
await closeBrowser();
