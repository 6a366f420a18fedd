// One entry in a list: its sentence, when, by which way; it opens in place.
import {Component, type JSX} from 'preact';
import {afterFrame} from '../base/frame';
import type {Entry} from '../base/types';
import {t} from '../i18n';
import {Icon, viaIcon} from '../widgets/Icon';
import {Time} from '../widgets/Time';
import {viaName, whoOf} from './actor';
import {entryTime, isChange, reasonOf} from './changes';
import {Details} from './Details';
import {shorten} from './harmless';
import {Sentence} from './Sentence';
import {SafeText} from './Value';

const REASON_LENGTH = 200;

export interface EntryLineProps {
  entry: Entry;
  open: boolean;
  fresh?: boolean;
  inRow?: boolean;
  turn: number; // of the words and the zone: what makes every line be drawn anew
  onToggle: (seq: number) => void;
}

export function Avatar({entry}: {entry: Entry}): JSX.Element {
  const who = whoOf(entry);
  if (!isChange(entry) && entry.kind !== 'access') {
    const icon = entry.kind === 'gap' ? 'warning' : entry.kind === 'erase' ? 'lock' : 'shield';
    return <span class={`avatar ${entry.kind === 'gap' ? 'warn' : 'system'}`} aria-hidden="true"><Icon name={icon} size={18} /></span>;
  }
  if (entry.kind === 'access') return <span class="avatar system" aria-hidden="true"><Icon name="access" size={18} /></span>;
  if (entry.kind === 'baseline') return <span class="avatar system" aria-hidden="true"><Icon name="layers" size={18} /></span>;
  return (
    <span class={`avatar ${who.kind}`} aria-hidden="true">
      {who.kind === 'person' && who.initials !== '' ? who.initials : <Icon name={who.kind === 'database' ? 'sql' : viaIcon(entry.via)} size={18} />}
    </span>
  );
}

export function ViaBadge({entry}: {entry: Entry}): JSX.Element | null {
  if (!entry.via || !isChange(entry) || entry.kind === 'baseline') return null;
  return <span class={`via via-${entry.via}`}><Icon name={viaIcon(entry.via)} size={14} /> {viaName(entry.via)}</span>;
}

// Drawn anew only when something of it changed: lists grow to thousands.
export class EntryLine extends Component<EntryLineProps, {shown: boolean}> {
  // Whether its details are there. The button tells at once that it was pressed; whatever moves other lines comes a frame later.
  override state = {shown: this.props.open};
  private gone = false;

  override shouldComponentUpdate(next: EntryLineProps, {shown}: {shown: boolean}): boolean {
    const now = this.props;
    return next.entry !== now.entry || next.open !== now.open || next.turn !== now.turn || next.fresh !== now.fresh || shown !== this.state.shown;
  }

  override componentDidUpdate(before: EntryLineProps): void {
    if (before.open !== this.props.open) afterFrame(() => { if (!this.gone) this.setState({shown: this.props.open}); });
  }

  override componentWillUnmount(): void {
    this.gone = true;
  }

  override render({entry, open, fresh = false, inRow = false, onToggle}: EntryLineProps, {shown}: {shown: boolean}): JSX.Element {
    const reason = reasonOf(entry);
    return (
      <article class={`line ${entry.kind} ${shown ? 'open' : ''} ${fresh ? 'fresh' : ''}`} data-seq={entry.seq}
               onClick={event => {
                 // The whole line opens, except where it already does something, or text is being selected.
                 if ((event.target as Element).closest('a,button,input,textarea,details,.details,dialog')) return;
                 if (getSelection()?.toString()) return;
                 onToggle(entry.seq);
               }}>
        <Avatar entry={entry} />
        <div class="line-main">
          <Sentence entry={entry} inRow={inRow} />
          {reason !== undefined && <q class="reason"><SafeText text={shorten(reason, REASON_LENGTH).text} /></q>}
        </div>
        <div class="line-meta">
          <Time when={entryTime(entry)} />
          <ViaBadge entry={entry} />
          {entry.actor?.trust === 'verified' && isChange(entry) && <span class="badge good"><Icon name="check" size={14} /> {t('trust.verified')}</span>}
          {entry.forged && <span class="badge bad"><Icon name="warning" size={14} /> {t('entry.forged_short')}</span>}
          {entry.erased && <span class="badge quiet">{t('entry.erased_short')}</span>}
        </div>
        <button type="button" class="icon-button toggle" aria-expanded={open} data-key="open"
                aria-label={t('entry.details_of', {seq: entry.seq})} onClick={() => onToggle(entry.seq)}><Icon name="down" /></button>
        {shown && <Details entry={entry} inRow={inRow} />}
      </article>
    );
  }
}
