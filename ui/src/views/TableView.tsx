// A table as it was at a moment.
import type {JSX} from 'preact';
import {useEffect, useState} from 'preact/hooks';
import {address, ApiError, getJson} from '../base/api';
import {asApiError} from '../base/load';
import {Link, navigate, rowPagePath, usePlace, useTitle, withParameters} from '../base/router';
import type {Json, Row} from '../base/types';
import {SafeText, Value} from '../entries/Value';
import {bareTable, fieldName, tableName} from '../entries/words';
import {formatNumber, t} from '../i18n';
import {Failure, Loading, Notice} from '../widgets/State';

interface TablePage {
  rows: {key: Json; seq?: number; row: Row; masked?: string[]}[];
  next_cursor?: string;
}

function keyText(key: Json): string {
  if (typeof key === 'object' && key !== null && !Array.isArray(key)) {
    const parts = Object.values(key).map(String);
    return parts.length === 1 ? parts[0]! : parts.map(encodeURIComponent).join(',');
  }
  return String(key);
}

export function TableView({table}: {table: string}): JSX.Element {
  const {parameters, path} = usePlace();
  const at = parameters.get('at') ?? 'now', q = parameters.get('q') ?? '';
  const base = `/v1/tables/${encodeURIComponent(table)}/at`;
  const [pages, setPages] = useState<{of: string; rows: TablePage['rows']; next: string | undefined; loading: boolean; error?: ApiError}>();
  const [when, setWhen] = useState(at);
  const of = address(base, {when: at, q});
  useTitle(t('table.title', {table: tableName(table)}));

  const load = (cursor: string | undefined, before: TablePage['rows']): void => {
    setPages({of, rows: before, next: undefined, loading: true});
    getJson<TablePage>(address(base, {when: at, q, limit: 50, cursor})).then(
      page => setPages({of, rows: [...before, ...page.rows], next: page.next_cursor, loading: false}),
      (error: unknown) => setPages({of, rows: before, next: undefined, loading: false, error: asApiError(error)}));
  };
  useEffect(() => {
    setWhen(at);
    load(undefined, []);
  }, [of]);

  const rows = pages?.of === of ? pages.rows : [];
  const columns = Object.keys(rows[0]?.row ?? {});
  return (
    <div class="table-view">
      <div class="view-head"><h1>{t('table.title', {table: tableName(table)})}</h1></div>
      <form class="row panel" onSubmit={event => {
        event.preventDefault();
        navigate(withParameters({path, parameters}, {at: when.trim() === '' ? null : when.trim()}));
      }}>
        <label class="field grow"><span>{t('table.when')}</span><input type="text" value={when} onInput={event => setWhen(event.currentTarget.value)} /></label>
        <button type="submit" class="button primary">{t('table.show')}</button>
      </form>
      <p class="note">{t('table.when_hint')}</p>
      {pages?.error ? <Failure error={pages.error} retry={() => load(undefined, [])} />
        : rows.length > 0 ? (
          <div class="scroll" tabIndex={0} role="group" aria-label={t('table.title', {table: tableName(table)})}>
            <table class="grid">
              <thead><tr>{columns.map(column => <th key={column} scope="col" title={column}>{fieldName(column)}</th>)}</tr></thead>
              <tbody>
                {rows.map(row => (
                  <tr key={keyText(row.key)}>
                    {columns.map((column, i) => i === 0
                      ? <th key={column} scope="row"><Link to={rowPagePath(table, keyText(row.key), {at: at === 'now' ? null : at})}><SafeText text={keyText(row.key)} /></Link></th>
                      : <td key={column}><Value field={column} value={row.row[column]} brief /></td>)}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>)
        : pages?.loading ? <Loading /> : <Notice icon="table" title={t('table.empty', {table: bareTable(table)})} />}
      {pages?.next !== undefined && !pages.loading && <p class="centre"><button type="button" class="button" onClick={() => load(pages.next, rows)}>{t('action.show_more')}</button></p>}
      {rows.length > 0 && pages?.next === undefined && <p class="note centre">{t('table.rows', {n: rows.length, count: formatNumber(rows.length)})}</p>}
    </div>
  );
}
