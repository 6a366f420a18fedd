// Bulk work as one line that opens.
import type {JSX} from 'preact';
import {useState} from 'preact/hooks';
import {address, getJson} from '../base/api';
import {useLoad} from '../base/load';
import {Link, searchPath} from '../base/router';
import type {Entry, Insight} from '../base/types';
import {formatList, rich, t} from '../i18n';
import {Icon} from '../widgets/Icon';
import {Time} from '../widgets/Time';
import {whoOf} from './actor';
import {entryTime} from './changes';
import {Avatar, EntryLine, ViaBadge} from './EntryLine';
import {Folded} from './Folded';
import {mainPart, type Fold} from './fold';
import {ActorName, RowName} from './Sentence';
import {countOfRows} from './words';

const SHOWN_AT_FIRST = 20;

export interface FoldLineProps {
  fold: Fold;
  q: string;
  openSeq: number | undefined;
  inRow?: boolean; // a row's story: it has all that there is of the row
  turn: number;
  fresh?: (seq: number) => boolean;
  onToggle: (seq: number) => void;
}

function countsByTable(entries: Entry[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const {table = ''} of entries) counts.set(table, (counts.get(table) ?? 0) + 1);
  return counts;
}

// How many changes of each table the transaction has among those searched for; asked when the list does not know.
function useCounts(fold: Fold, whole: boolean, q: string): Map<string, number> {
  const xid = fold.entries[0]?.tx?.xid;
  const ask = !whole && fold.kind === 'transaction' && xid !== undefined;
  const search = q === '' ? `tx:${xid}` : `(${q}) tx:${xid}`;
  const {data} = useLoad(ask ? search : undefined, signal => getJson<Insight>(address('/v1/insights/changes', {by: 'table', q: search}), signal));
  if (!data || data.buckets.length === 0) return countsByTable(fold.entries);
  return new Map(data.buckets.map(bucket => [bucket.key, bucket.count]));
}

const VERBS = {insert: 'fold.insert', delete: 'fold.delete', update: 'fold.update'} as const;

function FoldSentence({fold, counts, more}: {fold: Fold; counts: Map<string, number>; more: boolean}): JSX.Element {
  const n = fold.entries.length;
  if (fold.kind === 'housekeeping') return <>{t('fold.housekeeping', {n})}</>;
  if (fold.kind === 'baseline') return <>{t('fold.baseline', {n})}</>;
  const main = mainPart(fold.entries);
  const first = main.sample;
  const asked = (counts.get(main.table) ?? counts.get(main.table.replace('public.', '')) ?? 0);
  const isOne = asked <= 1 && !more;
  const rows = isOne ? <RowName entry={first} /> : <strong>{countOfRows(main.table, asked)}{more && asked === n ? '+' : ''}</strong>;
  const actor = <ActorName entry={first} />;
  const others = [...counts].filter(([table]) => table !== main.table && `public.${table}` !== main.table).map(([table, count]) => countOfRows(table, count));
  const verb = !main.mixed && main.kind in VERBS ? VERBS[main.kind as keyof typeof VERBS] : 'fold.update';
  return (
    <>
      {first.via === 'import' ? rich('fold.import', {actor, rows}) : rich(verb, {actor, rows})}
      {others.length > 0 && <span class="told note">{t('fold.also', {what: formatList(others)})}</span>}
    </>
  );
}

export function FoldLine({fold, q, openSeq, inRow = false, turn, fresh, onToggle}: FoldLineProps): JSX.Element {
  const [shown, setShown] = useState(SHOWN_AT_FIRST);
  const whole = inRow || fold.whole;
  const counts = useCounts(fold, whole, q);
  const first = fold.kind === 'transaction' ? mainPart(fold.entries).sample : fold.entries[0]!;
  const total = [...counts.values()].reduce((sum, n) => sum + n, 0);
  const xid = first.tx?.xid;
  return (
    <Folded kind={fold.kind} sentence={<FoldSentence fold={fold} counts={counts} more={!whole} />}
            startsOpen={fold.entries.some(entry => entry.seq === openSeq)} toggleName={t('fold.toggle', {n: Math.max(total, fold.entries.length)})}
            avatar={fold.kind === 'transaction' ? <span class={`avatar stack ${whoOf(first).kind}`} aria-hidden="true"><Avatar entry={first} /></span>
              : <span class="avatar system" aria-hidden="true"><Icon name={fold.kind === 'baseline' ? 'layers' : 'job'} size={18} /></span>}
            meta={<>
              <Time when={entryTime(first)} />
              <ViaBadge entry={first} />
              {fold.kind === 'transaction' && <span class="badge quiet"><Icon name="layers" size={14} /> {t('fold.one_transaction')}</span>}
            </>}>
      {() => [
        ...fold.entries.slice(0, shown).map(entry => (
          <EntryLine key={entry.seq} entry={entry} open={openSeq === entry.seq} turn={turn} fresh={fresh?.(entry.seq) ?? false} onToggle={onToggle} />
        )),
        <div key="actions" class="actions start">
          {fold.entries.length > shown && <button type="button" class="button small" onClick={() => setShown(shown + 100)}>{t('action.show_more')}</button>}
          {fold.kind === 'transaction' && xid !== undefined && total > shown &&
            <Link class="button small" to={searchPath(`tx:${xid}`, {fold: 'no'})}>{t('fold.all', {n: total})}</Link>}
        </div>,
      ]}
    </Folded>
  );
}
