// The web UI from outside: the built program, a real PostgreSQL, a real browser. Each test has a page of its own and
// depends on no other.
import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {after, test as nodeTest} from 'node:test';
import type {Page} from 'playwright-core';
import {address, as, closeBrowser, complaints, demo, findBarriers, leave, overflow, screenshot, settled, sql, stranger, sync, type View} from './support';

after(closeBrowser);

// A browser that hangs fails one test; it does not hold up the others.
const test = (name: string, body: () => void | Promise<void>): void => { void nodeTest(name, {timeout: 120_000}, body); };

const ASHA = 42; // her number was 919805443586 and became 919845550142
const OLD_PHONE = '919805443586', NEW_PHONE = '919845550142';
const line = (page: Page, text: string | RegExp) => page.locator('main .line').filter({hasText: text}).first();
const PRIYA = {actor_id: '1', actor_name: 'Priya Raman', via: 'app'};

test('signing in: refused, by password, by a link that works once', async () => {
  const page = await stranger('/?q=field:phone');
  await page.getByLabel('Name').fill(demo.people.auditor.name);
  await page.getByLabel('Password').fill('not this one');
  await page.getByRole('button', {name: 'Sign in'}).click();
  await page.getByText('Name and password do not fit together').waitFor();
  await page.getByLabel('Password').fill(demo.people.auditor.password);
  await page.getByRole('button', {name: 'Sign in'}).click();
  // It leads to where one wanted to go.
  await page.getByRole('heading', {name: 'Activity'}).waitFor();
  assert.equal(new URL(page.url()).searchParams.get('q'), 'field:phone');
  await page.getByRole('button', {name: /You and your settings/}).click();
  await page.getByRole('button', {name: 'Sign out'}).click();
  await page.getByRole('heading', {name: 'Sign in'}).waitFor();

  await page.goto(demo.people.viewer.link);
  await page.getByRole('heading', {name: 'Activity'}).waitFor();
  assert.ok(!page.url().includes('link='), 'the secret does not stay in the address');
  await leave(page);
  const second = await stranger();
  await second.goto(demo.people.viewer.link);
  await second.getByText('This link does not work any more').waitFor();
  await second.getByText('rowledger user link Name').waitFor();
  await leave(second);
});

test('Activity says who changed what', async () => {
  const page = await as('viewer', '/?q=field:phone key:42');
  const change = line(page, 'changed phone of');
  assert.match(await change.innerText(), /Priya Raman changed phone of/);
  assert.match(await change.innerText(), /caller asked/);
  await change.click();
  await change.getByRole('table', {name: 'What changed'}).waitFor();
  assert.match(await change.innerText(), /The application said who it was/);
  // Exact times have their offset, and the organisation's zone, not the browser's.
  assert.match(await change.innerText(), /09:42:\d\d \+05:30/);
  await leave(page);
});

test('nothing of a masked value reaches the page', async () => {
  const bodies: string[] = [];
  const page = await as('viewer');
  page.on('response', response => { void response.text().then(text => bodies.push(text), () => undefined); });
  for (const path of ['/?q=field:phone key:42&open=14275', `/rows/public.contacts/${ASHA}`, '/insights'])  {
    await page.goto(address(path));
    await settled(page);
    bodies.push(await page.content());
  }
  await page.goto(address('/?q=field:phone key:42'));
  await line(page, /9198\*{6}42/).waitFor();
  const leaks = bodies.filter(text => text.includes(NEW_PHONE) || text.includes(OLD_PHONE) || text.includes('Asha Kale'));
  assert.deepEqual(leaks.map(text => text.slice(0, 200)), []);
  await leave(page);
});

test('an auditor sees a value in full after saying why, and that is recorded', async () => {
  const page = await as('auditor', '/?q=field:phone key:42');
  const change = line(page, 'changed phone of');
  await change.click();
  await change.getByRole('button', {name: 'Show in full'}).click();
  const dialog = page.getByRole('dialog', {name: 'Show in full'});
  const show = dialog.getByRole('button', {name: 'Show, and record it'});
  assert.equal(await show.isDisabled(), true, 'not without a reason');
  await dialog.getByLabel(/Why\?/).fill('checking the complaint of 12 May');
  await show.click();
  await dialog.getByText(NEW_PHONE).waitFor();
  await dialog.getByText('Recorded, with your reason').waitFor();
  await dialog.getByRole('button', {name: 'Done'}).click();
  await page.goto(address(`/access?tab=looks&table=public.contacts&key=${ASHA}`));
  await line(page, /devika had .*phone.* shown in full/).waitFor();
  await leave(page);
});

test('a number is called as it was called then', async () => {
  sql('UPDATE contacts SET language_id = 1 WHERE id IN (611, 612)', PRIYA);
  sql('UPDATE contacts SET language_id = 4 WHERE id = 611', PRIYA);
  sql("UPDATE languages SET label = 'Kannada of today' WHERE id = 4");
  sql('UPDATE contacts SET language_id = 4 WHERE id = 612', PRIYA);
  sync();
  const page = await as('auditor', '/?q=field:language_id key:611');
  await page.locator('main .line').first().getByText('Kannada', {exact: true}).waitFor();
  await page.goto(address('/?q=field:language_id key:612'));
  await page.locator('main .line').first().getByText('Kannada of today', {exact: true}).waitFor();
  await page.goto(address('/?q=table:languages op:modify'));
  await line(page, 'changed label of').waitFor();
  await leave(page);
});

test('looks again and again are one line that opens', async () => {
  const page = await as('auditor', '/rows/public.contacts/503');
  await page.reload();
  await settled(page);
  await page.goto(address('/access?tab=looks&table=public.contacts&key=503&reader=devika'));
  const looks = page.locator('.list > .line').filter({hasText: 'devika looked at contact 503'});
  await looks.first().getByText(/\d+ times/).waitFor();
  assert.equal(await looks.count(), 1);
  await looks.getByRole('button', {name: /Show all \d+ looks/}).click();
  const each = looks.locator('.fold-entries > .line');
  await each.first().waitFor();
  assert.ok(await each.count() >= 2);
  await each.first().click();
  await each.first().locator('.details').getByText('devika', {exact: true}).first().waitFor();
  await leave(page);
});

test('bulk work is one line that opens', async () => {
  const page = await as('auditor', '/?q=via:import');
  const fold = page.locator('.fold').filter({hasText: 'Import by'}).first();
  await fold.getByText('1,200 contacts').waitFor();
  assert.equal(await page.locator('main .line').count(), 1, 'all of the import is in it');
  await fold.getByRole('button', {name: /Show all/}).click();
  await settled(page);
  assert.ok(await fold.locator('.fold-entries .line').count() >= 10);
  await leave(page);
});

test('what is opened answers at once, and its details follow; at rest nothing moves', async () => {
  const page = await as('auditor', '/?q=field:phone key:42');
  await page.getByRole('button', {name: 'Live'}).waitFor();
  assert.equal(await page.evaluate(() => document.getAnimations().length), 0);
  const inTheSameFrame = await page.evaluate(async () => {
    const toggle = document.querySelector<HTMLElement>('main .line > [data-key="open"]')!;
    toggle.click();
    for (let i = 0; i < 10; ++i) await Promise.resolve();
    return {open: toggle.getAttribute('aria-expanded'), parts: document.querySelectorAll('.details > *').length, address: location.search.includes('open=')};
  });
  assert.deepEqual(inTheSameFrame, {open: 'true', parts: 0, address: false});
  await page.getByRole('table', {name: 'What changed'}).waitFor();
  await page.waitForFunction(() => location.search.includes('open='));
  await leave(page);
});

test('what lies behind bulk work is reached without walking through it', async () => {
  const page = await as('auditor', '/?q=table:contacts created:*..now');
  await page.goto(address(`/?q=${encodeURIComponent('table:contacts op:modify,remove -via:job -is:forged')}`));
  await settled(page);
  for (let i = 0; i < 12 && await line(page, 'caller asked').count() === 0; ++i) {
    const [top, height] = await page.evaluate(() => [scrollY, document.documentElement.scrollHeight]);
    await page.mouse.wheel(0, 20_000);
    // At the end of what is loaded: a turn that moves nothing is none.
    await page.waitForFunction(([y, h]) => scrollY > y! || document.documentElement.scrollHeight > h!, [top, height]);
    await settled(page);
  }
  await line(page, 'caller asked').waitFor();
  await leave(page);
});

test('the search completes, has chips, and tells errors at their place', async () => {
  const page = await as('auditor');
  const field = page.getByRole('combobox', {name: 'Search the changes'});
  await field.fill('fie');
  await page.getByRole('option', {name: /field:/}).first().waitFor();
  await field.press('ArrowDown');
  await field.press('Enter');
  await page.getByRole('option', {name: /phone/}).first().click();
  assert.equal((await field.inputValue()).trim(), 'field:phone');
  await field.press('Enter');
  await page.getByRole('button', {name: 'Remove field:phone'}).waitFor();
  await settled(page);
  await field.fill('tennant:1');
  await page.getByText('Not understood at place 1:').waitFor();
  await page.getByRole('button', {name: 'Did you mean tenant?'}).click();
  await page.getByRole('button', {name: 'Remove tenant:1'}).click();
  await page.waitForFunction(() => !location.search.includes('q='));
  await page.getByRole('button', {name: 'Way in'}).click();
  await page.getByRole('button', {name: 'SQL', exact: true}).click();
  await page.waitForFunction(() => location.search.includes('via%3Asql'));
  await line(page, 'meera').waitFor();
  await leave(page);
});

test('a change appears on an open page, and waits below while one reads', async () => {
  const page = await as('auditor');
  await page.getByRole('button', {name: 'Live'}).waitFor();
  sql("UPDATE contacts SET status = 'failed' WHERE id = 333", PRIYA);
  await line(page, /changed status of .*333|changed status of/).filter({hasText: 'failed'}).waitFor({timeout: 20_000});
  await page.mouse.wheel(0, 2_000);
  await page.waitForFunction(() => scrollY > 500);
  sql("UPDATE contacts SET status = 'valid' WHERE id = 333", PRIYA);
  const pill = page.getByRole('button', {name: '1 new change'});
  await pill.waitFor({timeout: 20_000});
  await pill.click();
  await page.waitForFunction(() => scrollY === 0);
  await line(page, 'failed').waitFor();
  await leave(page);
});

test('a row as it was, two moments side by side, and links that open the same', async () => {
  const page = await as('auditor', `/rows/public.contacts/${ASHA}`);
  const image = page.getByRole('table', {name: 'The row at a moment'});
  const optedIn = image.getByRole('row', {name: /opted in/});
  assert.match(await optedIn.innerText(), /no/);
  // What numbers stand for is configured.
  assert.match(await image.getByRole('row', {name: /language/}).innerText(), /Marathi/);
  assert.match(await image.getByRole('row', {name: /organisation/}).innerText(), /Shiksha Saathi/);
  const slider = page.getByRole('slider', {name: 'Moment'});
  await slider.focus();
  await slider.press('Home');
  await page.getByRole('heading', {name: /As it was after/}).waitFor();
  await image.getByRole('row', {name: /opted in.*yes/}).waitFor();
  assert.match(await optedIn.innerText(), /now different/);
  const link = page.url();
  await page.getByRole('link', {name: 'Compare two'}).click();
  const differences = page.getByRole('table', {name: 'What differs'});
  await differences.getByRole('row', {name: /opted in/}).waitFor();
  assert.match(await differences.getByRole('row', {name: /opted in/}).innerText(), /yes\s*no/);
  await leave(page);

  const other = await as('viewer', link);
  await other.getByRole('heading', {name: /As it was after/}).waitFor();
  await other.getByRole('row', {name: /opted in.*yes/}).waitFor();
  await leave(other);
});

test('Insights: every mark leads to its search, each chart is a table, and can be taken away', async () => {
  const page = await as('auditor', '/insights?days=90');
  const fields = page.getByRole('region', {name: 'Most changed fields'});
  await fields.getByRole('button', {name: 'Table'}).click();
  await fields.getByRole('table').waitFor();
  await page.waitForURL(/tables=field/);
  const [csv] = await Promise.all([page.waitForEvent('download'), fields.getByRole('button', {name: 'CSV'}).click()]);
  assert.match(readFileSync(await csv.path(), 'utf8'), /^\ufeffField,Changes\r\n/);
  const days = page.getByRole('region', {name: 'Changes per day'});
  const [png] = await Promise.all([page.waitForEvent('download'), days.getByRole('button', {name: 'PNG'}).click()]);
  assert.deepEqual([...readFileSync(await png.path()).subarray(1, 4)], [...Buffer.from('PNG')]);
  for (const split of ['Field', 'Person']) {
    await days.getByRole('link', {name: split}).click();
    await settled(page);
    assert.ok(await days.locator('.legend li').count() > 1, split);
  }
  // The heat map's cells and the day chart lead to what they show.
  await page.getByRole('region', {name: 'Hours of the week'}).first().getByRole('link').first().click();
  await page.getByRole('heading', {name: 'Activity'}).waitFor();
  await settled(page);
  assert.ok(await page.locator('main .line').count() > 0);
  await page.goBack();
  await settled(page);
  const chart = page.locator('.u-over');
  const {width, height} = (await chart.boundingBox())!;
  await chart.click({position: {x: width * 0.06, y: height - 3}});
  await page.getByRole('heading', {name: 'Activity'}).waitFor();
  await leave(page);
});

test('Integrity: verified in the browser, and an altered tile is noticed', async () => {
  const page = await as('auditor', '/integrity');
  await page.getByText('No gaps').waitFor();
  await page.getByRole('button', {name: 'Verify now'}).click();
  await page.getByText('All of it is right.').waitFor();
  assert.match(await page.locator('.steps').innerText(), /the browser’s own cryptography/);
  await page.getByRole('button', {name: 'Verify again'}).click();
  await page.getByText(/the log begins with the [\d,]+ entries that this browser saw/).waitFor();
  await page.route('**/tlog/tile/0/00*', async route => {
    const answer = await route.fetch();
    const body = await answer.body();
    body[100]! ^= 1;
    await route.fulfill({response: answer, body});
  });
  await page.getByRole('button', {name: 'Verify again'}).click();
  await page.getByText('This does not fit together').waitFor();
  await leave(page);
});

test('an entry is verified where it stands', async () => {
  const page = await as('auditor', '/?q=trust:verified');
  await line(page, 'Grace Thomas').click();
  await page.getByRole('button', {name: 'Verify this entry'}).click();
  await page.getByText('This entry stands in the signed log as you see it.').waitFor();
  await leave(page);
});

test('Access: people come and go, tokens are shown once', async () => {
  const page = await as('admin', '/access?tab=people');
  await page.getByRole('button', {name: 'Add a person'}).click();
  const dialog = page.getByRole('dialog');
  const name = `person-${Date.now()}`;
  await dialog.getByLabel('Name').fill(name);
  await dialog.getByLabel('Auditor').check();
  await dialog.getByRole('button', {name: 'Add', exact: true}).click();
  const link = await dialog.getByLabel('Sign-in link').inputValue();
  await dialog.getByRole('button', {name: 'Done'}).click();
  const row = page.getByRole('row', {name: new RegExp(name)});
  assert.match(await row.innerText(), /Auditor/);
  const guest = await stranger();
  await guest.goto(link);
  await guest.getByRole('heading', {name: 'Activity'}).waitFor();
  await leave(guest);
  await row.getByRole('button', {name: /Change/}).click();
  await page.getByRole('dialog').getByRole('button', {name: 'Disable'}).click();
  await row.getByText('disabled').waitFor();

  await page.getByRole('link', {name: 'Tokens'}).click();
  await page.getByRole('button', {name: 'Make a token'}).click();
  await dialog.getByLabel('What it is for').fill(`${name} report`);
  await dialog.getByRole('button', {name: 'Add', exact: true}).click();
  assert.match(await dialog.getByRole('textbox', {name: 'Token'}).inputValue(), /^rl_/);
  await dialog.getByRole('button', {name: 'Done'}).click();
  await page.getByRole('button', {name: `Revoke ${name} report`}).click();
  await dialog.getByRole('button', {name: 'Revoke'}).click();
  await page.getByRole('row', {name: new RegExp(`${name} report`)}).waitFor({state: 'detached'});
  await leave(page);
});

test('who was given access is told by name, to whoever may see the whole installation', async () => {
  const page = await as('admin', '/?q=kind:control');
  await line(page, 'added devika as Auditor').waitFor();
  await line(page, 'made a sign-in link for ravi').waitFor();
  await leave(page);
});

test('hostile values do no harm', async () => {
  const names = {
    401: '<img src=x onerror="document.title=\'owned\'"><script>document.title="owned"</script>',
    402: '\u202edrowssap\u202c \u2066hidden\u2069 \u200b',
    404: `${'A very long name '.repeat(6_000)}`,
    405: '👩‍🌾👨‍👩‍👧‍👦🇮🇳 क्‍ष 𝕬 \t tab',
    407: "javascript:alert(1)//\"'`${7*7}{{7*7}}",
  };
  for (const [id, name] of Object.entries(names)) sql(`ALTER TABLE contacts ALTER name TYPE text; UPDATE contacts SET name = $q$${name}$q$ WHERE id = ${id}`, {...PRIYA, reason: name.slice(0, 500)});
  sync();
  const page = await as('admin', '/?q=key:401,402,404,405,407');
  page.on('dialog', dialog => { complaints.push(`a dialog opened: ${dialog.message()}`); void dialog.dismiss(); });
  await settled(page);
  await line(page, 'changed name of').waitFor();
  assert.equal(await page.locator('main img, main script').count(), 0);
  assert.equal(await overflow(page), 0);
  for (const toggle of await page.locator('main .line > [data-key="open"]').all()) {
    await toggle.click();
    await settled(page);
    assert.equal(await overflow(page), 0);
  }
  assert.notEqual(await page.title(), 'owned');
  assert.equal(await overflow(page), 0);
  for (const id of Object.keys(names)) {
    await page.goto(address(`/rows/public.contacts/${id}`));
    await settled(page);
    assert.equal(await overflow(page), 0, id);
    assert.notEqual(await page.title(), 'owned');
  }
  await leave(page);
});

// Ten tasks with the keyboard alone: no mouse is moved, no element is clicked by script.
test('ten core tasks by keyboard', async () => {
  const page = await as('auditor');
  const press = (...keys: string[]): Promise<void> => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
  const focused = (): Promise<string> => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent ?? '');
  const tabTo = async (name: RegExp, key = 'Tab'): Promise<void> => {
    for (let i = 0; i < 80; ++i) {
      if (name.test(await focused())) return;
      await press(key);
    }
    assert.fail(`no way by Tab to ${name}`);
  };
  // 1. skip the navigation
  await press('Tab');
  assert.equal(await focused(), 'Skip to the content');
  await press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'main');
  // 2. search, with a suggestion
  await press('/');
  // Between slow keys a list appears that the next key replaces; of the whole word there is this one.
  await page.keyboard.type('field:ph');
  await press('Escape', 'o');
  await page.getByRole('option', {name: /phone/}).first().waitFor();
  await press('ArrowDown', 'Enter', 'Enter');
  await page.waitForFunction(() => location.search.includes('field%3Aphone'));
  await settled(page);
  // 3. from line to line, 4. open and close one
  await press('Escape');
  await page.evaluate(() => (document.activeElement as HTMLElement).blur());
  await press('j', 'j', 'k', 'Enter');
  await page.getByRole('table', {name: 'What changed'}).waitFor();
  await press('d');
  await page.getByRole('table', {name: 'What changed'}).waitFor({state: 'detached'});
  // 5. take a part of the search away
  await tabTo(/^Skip to the content/);
  await tabTo(/^Remove field:phone/);
  await press('Enter');
  await page.waitForFunction(() => !location.search.includes('field%3Aphone'));
  // 6. filter by a menu, which Escape closes
  await tabTo(/^Way in/);
  await press('Enter');
  await page.getByRole('button', {name: 'Import', exact: true}).waitFor();
  await tabTo(/^Import$/);
  await press('Enter');
  await page.waitForFunction(() => location.search.includes('via%3Aimport'));
  await settled(page);
  // 7. go to a row, move through its past
  await page.goto(address(`/rows/public.contacts/${ASHA}`));
  await settled(page);
  await tabTo(/^One change earlier/);
  await press('Enter');
  await page.getByRole('heading', {name: /As it was after/}).waitFor();
  // 8. see a value in full
  await tabTo(/Show in full/, 'Shift+Tab');
  await press('Enter');
  const dialog = page.getByRole('dialog');
  await dialog.waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'TEXTAREA');
  await page.keyboard.type('keyboard test of today');
  await press('Tab', 'Tab', 'Enter');
  await dialog.getByText('Recorded, with your reason').waitFor();
  await press('Escape');
  await dialog.waitFor({state: 'detached'});
  assert.match(await focused(), /Show in full/, 'the focus is where it was');
  // 9. go to another view, verify
  await press('g', 'v');
  await page.getByRole('heading', {name: 'Integrity'}).waitFor();
  await settled(page);
  await tabTo(/^ ?Verify now/);
  await press('Enter');
  await page.getByText('All of it is right.').waitFor();
  // 10. help, and change the language
  await press('?');
  await page.getByRole('dialog', {name: 'Help'}).waitFor();
  await press('Escape');
  await tabTo(/^You and your settings/);
  await press('Enter');
  await tabTo(/^हिन्दी/);
  await press('Enter');
  await page.getByRole('heading', {name: 'सत्यता'}).waitFor();
  await leave(page);
});

interface Place {
  name: string;
  path: string;
  act?: (page: Page) => Promise<void>;
}

const PLACES: Place[] = [
  {name: 'activity', path: '/'},
  {name: 'changes', path: '/?q=table:contacts%20-via:flow%20created:*..now-2d'},
  {name: 'details', path: `/?q=field:phone key:${ASHA}`, act: async page => { await page.locator('main .line [data-key="open"]').first().click(); }},
  {name: 'search', path: '/?q=tennant:1'},
  {name: 'row', path: `/rows/public.contacts/${ASHA}?at=seq:15000`},
  {name: 'compare', path: `/rows/public.contacts/${ASHA}?from=seq:1000&to=now`},
  {name: 'entry', path: '/entries/14310'},
  {name: 'insights', path: '/insights?days=90'},
  {name: 'insights-tables', path: '/insights?days=90&tables=day,field,actor,via,row,hours'},
  {name: 'integrity', path: '/integrity', act: async page => {
    await page.locator('.verify .button').first().click();
    await page.locator('.verdict.good').first().waitFor();
  }},
  {name: 'access', path: '/access'},
  {name: 'people', path: '/access?tab=people'},
  {name: 'tokens', path: '/access?tab=tokens'},
  {name: 'add-person', path: '/access?tab=people', act: async page => { await page.locator('main .button.primary').first().click(); }},
  {name: 'nothing', path: '/rows/contacts/1/2'},
];

async function visit(page: Page, place: Place, view: View): Promise<void> {
  await page.goto(address(place.path, view));
  await settled(page);
  await place.act?.(page);
  await settled(page);
}

async function inTheme(page: Page, theme: 'light' | 'dark'): Promise<void> {
  await page.evaluate(name => { document.documentElement.dataset['theme'] = name; }, theme);
}

async function atWidth(page: Page, width: number): Promise<void> {
  await page.setViewportSize({width, height: width < 500 ? 780 : width > 2000 ? 1200 : 900});
  await page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));
}

// Each view is visited once in a language, and looked at in every way from there: barriers in both themes, widths.
// The second theme differs in its colours alone.
interface Look {
  lang: 'en' | 'hi' | 'pseudo';
  widths: {width: number; theme: 'light' | 'dark'}[]; // the view is opened at the first
  barriers: boolean;
}
const LOOKS: Look[] = [
  {lang: 'en', widths: [], barriers: true},
  {lang: 'hi', widths: [{width: 360, theme: 'dark'}], barriers: true},
  {lang: 'pseudo', widths: [{width: 360, theme: 'light'}, {width: 2560, theme: 'dark'}], barriers: false},
];

for (const {lang, widths, barriers} of LOOKS) {
  test(`every view in ${lang}: ${[barriers && 'no barriers in both themes', widths.length > 0 && `fits at ${widths.map(each => each.width).join(' and ')} px`].filter(Boolean).join(', ')}`, async () => {
    const found: string[] = [];
    const findAll = async (page: Page, name: string): Promise<void> => {
      for (const theme of ['light', 'dark'] as const) {
        await inTheme(page, theme);
        found.push(...await findBarriers(page, `${name}, ${theme}`, theme === 'light' ? 'all' : 'colours'));
        if (lang === 'en') await screenshot(page, `${name}-${theme}-1440`);
      }
    };
    if (barriers) {
      const signIn = await stranger('/', {lang});
      await signIn.getByRole('heading').waitFor();
      await findAll(signIn, 'sign-in');
      await leave(signIn);
    }
    const page = await as('admin', '/', {lang});
    for (const place of PLACES) {
      await atWidth(page, widths[0]?.width ?? 1440);
      await visit(page, place, {lang, theme: widths[0]?.theme ?? 'light'});
      for (const {width, theme} of widths) {
        await atWidth(page, width);
        await inTheme(page, theme);
        const by = await overflow(page);
        if (by > 0) found.push(`${place.name} at ${width} px in ${lang} is ${by} px too wide`);
        await screenshot(page, `${place.name}-${theme}-${width}-${lang}`, true);
      }
      if (!barriers) continue;
      await atWidth(page, 1440);
      await findAll(page, place.name);
    }
    await leave(page);
    assert.deepEqual(found, []);
  });
}

test('the theme is the device’s, until one is chosen', async () => {
  const page = await stranger('/', {theme: 'dark'});
  const theme = (): Promise<string | undefined> => page.evaluate(() => document.documentElement.dataset['theme']);
  await page.goto(new URL('/?theme=system', demo.url).href);
  await page.getByRole('heading', {name: 'Sign in'}).waitFor();
  assert.equal(await theme(), 'dark');
  await page.emulateMedia({colorScheme: 'light'});
  await page.waitForFunction(() => document.documentElement.dataset['theme'] === 'light');
  await page.goto(new URL('/?theme=dark', demo.url).href);
  await page.getByRole('heading', {name: 'Sign in'}).waitFor();
  assert.equal(await theme(), 'dark');
  await leave(page);
});

test('a long list: what is far is not drawn, what has the focus stays, and the keyboard leads everywhere', async () => {
  const page = await as('auditor', '/?all=1&fold=no&live=no');
  const drawn = (): Promise<number> => page.locator('main .line').count();
  const first = page.locator('main .line').first();
  const firstSeq = await first.getAttribute('data-seq');
  await first.locator('[data-key="open"]').focus();
  // Places in the day's list are told, whatever is drawn.
  assert.equal(await first.getAttribute('aria-posinset'), '1');
  const height = (): Promise<number> => page.evaluate(() => document.documentElement.scrollHeight);
  const end = Date.now() + 60_000;
  for (let i = 0; i < 12 || await height() <= 60_000 && Date.now() < end; ++i) {
    await page.mouse.wheel(0, 20_000);
    await page.waitForFunction(() => document.elementFromPoint(innerWidth / 2, innerHeight / 2)?.closest('.line'));
    await settled(page);
  }
  assert.ok(await height() > 60_000, 'it is long');
  await page.waitForFunction(() => document.querySelectorAll('main .away').length > 10);
  assert.ok(await drawn() < 700, `${await drawn()} lines are drawn`);
  assert.equal(await page.evaluate(() => document.activeElement?.closest('.line')?.getAttribute('data-seq')), firstSeq, 'the focus is where it was');
  // From there on, line by line, also where nothing is drawn.
  const seen: number[] = [];
  for (let i = 0; i < 45; ++i) {
    await page.keyboard.press('j');
    await page.waitForFunction(last => {
      const seq = Number(document.activeElement?.closest('.line')?.getAttribute('data-seq') ?? last);
      return seq !== last;
    }, seen.at(-1) ?? Number(firstSeq));
    seen.push(Number(await page.evaluate(() => document.activeElement?.closest('.line')?.getAttribute('data-seq'))));
  }
  for (const [i, seq] of seen.entries()) assert.ok(seq < (i === 0 ? Number(firstSeq) : seen[i - 1]!), 'older and older');
  const places = await page.evaluate(() => [...document.querySelectorAll('[role=feed]')].map(feed => [...feed.querySelectorAll('[aria-posinset]')].map(line => Number(line.getAttribute('aria-posinset')))));
  for (const feed of places) assert.deepEqual(feed, [...feed].sort((a, b) => a - b));
  await leave(page);
});

test('a view asks its questions once', async () => {
  const page = await as('auditor', '/access');
  const asked: string[] = [];
  page.on('request', request => { if (request.url().includes('/v1/')) asked.push(new URL(request.url()).pathname); });
  for (const [path, questions] of [['/insights?days=90&split=actor', ['/v1/insights', '/v1/me']], ['/integrity', ['/v1/integrity', '/v1/me', '/v1/status']]] as const) {
    asked.length = 0;
    await page.goto(address(path));
    // What the page does not wait for is asked for in its own time.
    while (!questions.every(question => asked.includes(question))) await page.waitForRequest(/\/v1\//);
    await settled(page);
    assert.deepEqual([...asked].sort(), questions);
  }
  await leave(page);
});

test('whoever sees masked values is told why, and who sees them in full', async () => {
  for (const [who, said] of [['admin', /An auditor may show them in full/], ['auditor', /You may see them/]] as const) {
    const page = await as(who, '/?q=field:phone key:42');
    await page.getByRole('button', {name: 'Personal values masked'}).click();
    await page.locator('.popover-panel').getByText(said).waitFor();
    await page.keyboard.press('Escape');
    await line(page, 'changed phone of').click();
    await page.locator('.details').getByText(said).waitFor();
    await leave(page);
  }
});

test('Hindi from sign-in to a search', async () => {
  const page = await stranger('/', {lang: 'hi'});
  await page.getByLabel('नाम').fill(demo.people.auditor.name);
  await page.getByLabel('पासवर्ड').fill(demo.people.auditor.password);
  await page.getByRole('button', {name: 'साइन इन करें'}).click();
  await page.getByRole('heading', {name: 'गतिविधि'}).waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), 'hi');
  await page.getByRole('combobox').fill('field:phone key:42');
  await page.getByRole('button', {name: 'खोजें', exact: true}).click();
  await line(page, /ने .* में फ़ोन बदला/).waitFor();
  assert.ok(await page.evaluate(() => document.fonts.check('16px "Noto Sans Devanagari Variable"', 'क')));
  await leave(page);
});

test('who may not, is told so', async () => {
  const page = await as('viewer', '/access');
  await page.getByText('Your role does not include this').waitFor();
  assert.equal(await page.getByRole('link', {name: 'Access'}).count(), 0);
  await page.goto(address('/rows/public.contacts/43'));
  await page.getByRole('heading', {name: /contact 43/}).waitFor(); // another organisation's: as if it were not there
  await page.getByText('There is no such thing').first().waitFor();
  await leave(page);
});

test('no page complained, and none asked another host', () => {
  assert.deepEqual(complaints, []);
});
