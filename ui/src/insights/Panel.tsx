// The frame of a chart: its title, the same numbers as a table, and both to take away.
import type {ComponentChildren, JSX} from 'preact';
import {Link} from '../base/router';
import {SafeText} from '../entries/Value';
import {formatNumber, t} from '../i18n';
import {Icon} from '../widgets/Icon';
import {csvOf, type Sheet} from './series';
import {savePicture, saveSheet} from './picture';

export interface PanelProps {
  title: string;
  sheet: Sheet;
  links?: (string | undefined)[]; // of each row of the sheet
  picture: () => HTMLCanvasElement;
  asTable: boolean;
  onTable: (on: boolean) => void;
  extra?: ComponentChildren;
  wide?: boolean;
  children: ComponentChildren;
}

export function SheetTable({sheet, links}: {sheet: Sheet; links?: (string | undefined)[]}): JSX.Element {
  return (
    <div class="scroll" tabIndex={0} role="group" aria-label={sheet.name}>
      <table class="grid">
        <thead><tr>{sheet.columns.map((column, c) => <th key={column} scope="col" class={typeof sheet.rows[0]?.[c] === 'number' ? 'number' : ''}>{column}</th>)}</tr></thead>
        <tbody>
          {sheet.rows.map((row, r) => (
            <tr key={r}>
              {row.map((cell, c) => {
                const text = typeof cell === 'number' ? formatNumber(cell) : <SafeText text={cell} />;
                const to = links?.[r];
                return c === 0
                  ? <th key={c} scope="row">{to === undefined ? text : <Link to={to}>{text}</Link>}</th>
                  : <td key={c} class={typeof cell === 'number' ? 'number' : ''}>{text}</td>;
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

export function Panel({title, sheet, links, picture, asTable, onTable, extra, wide = false, children}: PanelProps): JSX.Element {
  return (
    <section class={`panel chart ${wide ? 'wide' : ''}`} aria-label={title}>
      <header class="chart-head">
        <h2>{title}</h2>
        {extra}
        <div class="chart-actions">
          <button type="button" class="button small" aria-pressed={asTable} onClick={() => onTable(!asTable)}><Icon name="table" size={16} /> {t('insights.table')}</button>
          <button type="button" class="button small" onClick={() => saveSheet(csvOf(sheet), sheet)}><Icon name="download" size={16} /> CSV</button>
          <button type="button" class="button small" onClick={() => void savePicture(picture(), sheet.name)}><Icon name="download" size={16} /> PNG</button>
        </div>
      </header>
      {sheet.rows.length === 0 ? <p class="note">{t('insights.nothing')}</p>
        : asTable ? <SheetTable sheet={sheet} {...(links ? {links} : {})} /> : children}
    </section>
  );
}
