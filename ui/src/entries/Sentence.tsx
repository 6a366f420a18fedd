// An entry as a sentence: "Priya changed phone of Asha: 9198******78 → 9198******32".
import type {ComponentChildren, JSX} from 'preact';
import {keySegment} from '../base/api';
import {Link, rowPagePath, searchPath} from '../base/router';
import type {Entry, Json} from '../base/types';
import {formatList, known, rich, t, type MessageKey} from '../i18n';
import {whoOf} from './actor';
import {splitChanges} from './changes';
import {BriefDifference} from './Difference';
import {lookOf} from './looks';
import {SafeText} from './Value';
import {bareTable, changeName, rowLabel, rowNoun, tableName} from './words';

const TOLD_CHANGES = 2, TOLD_FIELDS = 4;

export function ActorName({entry}: {entry: Entry}): JSX.Element {
  const who = whoOf(entry);
  const name = <strong><SafeText text={who.name} /></strong>;
  return who.search === undefined ? name : <Link to={searchPath(who.search)} class="quiet-link">{name}</Link>;
}

// "Asha Patil", or "contact 42" where there is no name, leading to the row.
export function RowName({entry, plain = false}: {entry: Entry; plain?: boolean}): JSX.Element {
  const table = entry.table ?? '';
  const key = entry.key ? Object.values(entry.key).join(', ') : '';
  const label = entry.erased ? undefined : rowLabel(entry);
  const isContact = bareTable(table) === 'contacts';
  const name = label === undefined ? <SafeText text={`${rowNoun(table)} ${key}`.trim()} />
    : isContact ? <SafeText text={label} />
    : <>{rowNoun(table)} <SafeText text={label} /></>;
  if (!entry.key || plain) return <strong>{name}</strong>;
  return <Link to={rowPagePath(table, keySegment(entry.key))} class="quiet-link" title={`${rowNoun(table)} ${key}`}><strong>{name}</strong></Link>;
}

function update(entry: Entry, inRow: boolean): ComponentChildren {
  const {told} = splitChanges(entry);
  const actor = <ActorName entry={entry} />, row = <RowName entry={entry} />;
  if (entry.erased) return rich('sentence.update_erased', {actor, row});
  if (told.length === 0) return rich('sentence.update_nothing', {actor, row});
  const names = [...new Set(told.map(changeName))];
  const shown = names.length > TOLD_FIELDS ? [...names.slice(0, TOLD_FIELDS - 1), t('sentence.more_fields', {n: names.length - TOLD_FIELDS + 1})] : names;
  const fields = <strong><SafeText text={formatList(shown)} /></strong>;
  return (
    <>
      {inRow ? rich('sentence.update_here', {actor, fields}) : rich('sentence.update', {actor, row, fields})}
      {told.length === 1
        ? <>: <BriefDifference change={told[0]!} seq={entry.seq} /></>
        : told.slice(0, TOLD_CHANGES).map((change, i) => (
          <span key={i} class="told">
            <span class="told-name"><SafeText text={changeName(change)} /></span>
            <BriefDifference change={change} seq={entry.seq} />
          </span>
        ))}
      {told.length > TOLD_CHANGES && <span class="told note">{t('sentence.and_more', {n: told.length - TOLD_CHANGES})}</span>}
    </>
  );
}

function detailOf(entry: Entry): {[name: string]: Json} {
  return typeof entry.detail === 'object' && entry.detail !== null && !Array.isArray(entry.detail) ? entry.detail : {};
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function table(entry: Entry): ComponentChildren {
  return entry.table ? <strong><SafeText text={tableName(entry.table)} /></strong> : t('sentence.whole_source');
}

function control(entry: Entry): ComponentChildren {
  const detail = detailOf(entry);
  const event = text(detail['event']) || text(detail['what']);
  const isKnown = known(`event.${event}`) !== undefined;
  const by = detail['by'] as {[name: string]: Json} | undefined;
  const name = (value: Json | undefined, otherwise: string): ComponentChildren => <strong><SafeText text={text(value) || otherwise} /></strong>;
  const said = isKnown ? rich(`event.${event}` as MessageKey, {
    by: name(by?.['name'] ?? by?.['id'], t('actor.somebody')), user: name(detail['user'], event === 'sign-in-failed' ? t('actor.somebody') : t('sentence.a_person')), role: known(`role.${text(detail['role'])}`) ?? text(detail['role']),
  }) : t('sentence.control', {event: event || '?'});
  const extra = text(detail['text']);
  return <>{said}{extra !== '' && !isKnown && <span class="told note"><SafeText text={extra} /></span>}</>;
}

function access(entry: Entry): ComponentChildren {
  const {how, reader, route, table, key, query, fields} = lookOf(entry);
  const actor = <strong><SafeText text={reader || t('actor.unknown')} /></strong>;
  const row = key === '' ? t('sentence.an_entry') : <Link to={rowPagePath(table, key)} class="quiet-link"><strong>{rowNoun(table)} <SafeText text={key} /></strong></Link>;
  const search = <code><SafeText text={query} /></code>;
  switch (how) {
    case 'unmasked': return rich('sentence.unmasked', {actor, fields: <strong>{formatList(fields)}</strong>, row});
    case 'who_looked': return rich('sentence.asked_who_looked', {actor, row});
    case 'evidence': return rich('sentence.took_evidence', {actor, row});
    case 'row': return rich('sentence.looked_at', {actor, row});
    case 'exported': return rich('sentence.exported', {actor, query: search});
    case 'taken_away': return rich('sentence.took_export', {actor, query: search});
    case 'searched': return rich('sentence.searched', {actor, query: search});
    case 'read': return rich('sentence.read', {actor, what: known(`route.${route.replaceAll('.', '_')}`) ?? route});
  }
}

function erase(entry: Entry, actor: JSX.Element): ComponentChildren {
  const detail = detailOf(entry);
  if (detail['keys_lost'] !== undefined) return t('sentence.keys_lost');
  if (detail['keys_destroyed'] !== undefined) return t('sentence.retention');
  return rich('sentence.erase', {actor, row: entry.key ? <RowName entry={entry} plain /> : t('sentence.a_person')});
}

// inRow: among the entries of one row, which goes without saying.
export function Sentence({entry, inRow = false}: {entry: Entry; inRow?: boolean}): JSX.Element {
  const actor = <ActorName entry={entry} />;
  let said: ComponentChildren;
  switch (entry.kind) {
    case 'update': said = update(entry, inRow); break;
    case 'insert': said = rich('sentence.insert', {actor, row: <RowName entry={entry} />}); break;
    case 'delete': said = rich('sentence.delete', {actor, row: <RowName entry={entry} />}); break;
    case 'truncate': said = rich('sentence.truncate', {actor, table: table(entry)}); break;
    case 'baseline': said = inRow ? t('sentence.baseline_here') : rich('sentence.baseline', {row: <RowName entry={entry} />}); break;
    case 'schema': said = rich('sentence.schema', {table: table(entry)}); break;
    case 'gap': said = rich('sentence.gap', {table: table(entry), reason: known(`gap.${text(detailOf(entry)['reason'])}`) ?? text(detailOf(entry)['reason'])}); break;
    case 'access': said = access(entry); break;
    case 'erase': said = erase(entry, actor); break;
    case 'alert': case 'undo': case 'control': said = control(entry); break;
  }
  return <span class="sentence">{said}</span>;
}
