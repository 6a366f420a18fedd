// One entry by its number: what a link to a change opens.
import type {JSX} from 'preact';
import {getJson} from '../base/api';
import {useLoad} from '../base/load';
import {Link, useTitle} from '../base/router';
import type {Entry} from '../base/types';
import {entryTime} from '../entries/changes';
import {Avatar, ViaBadge} from '../entries/EntryLine';
import {Details} from '../entries/Details';
import {Sentence} from '../entries/Sentence';
import {t} from '../i18n';
import {Failure, Loading} from '../widgets/State';
import {Time} from '../widgets/Time';

export function EntryView({seq}: {seq: string}): JSX.Element {
  const path = `/v1/entries/${encodeURIComponent(seq)}?images=1`;
  const {data, error, reload} = useLoad(path, signal => getJson<Entry>(path, signal));
  useTitle(t('entry.title', {seq}));
  return (
    <div class="entry-view">
      <div class="view-head">
        <h1>{t('entry.title', {seq})}</h1>
        <nav class="view-actions" aria-label={t('entry.neighbours')}>
          {Number(seq) > 0 && <Link class="button small" to={`/entries/${Number(seq) - 1}`}>{t('entry.before')}</Link>}
          <Link class="button small" to={`/entries/${Number(seq) + 1}`}>{t('entry.after')}</Link>
        </nav>
      </div>
      {error ? <Failure error={error} retry={reload} /> : !data ? <Loading lines={4} /> : (
        <section class="panel">
          <div class="line open single">
            <Avatar entry={data} />
            <div class="line-main">
              <Sentence entry={data} />
            </div>
            <div class="line-meta"><Time when={entryTime(data)} /><ViaBadge entry={data} /></div>
            <Details entry={data} atOnce />
          </div>
        </section>)}
    </div>
  );
}
