// Why values are masked, and who may see them in full.
import type {JSX} from 'preact';
import {may} from '../base/session';
import {t} from '../i18n';
import {Icon} from './Icon';
import {Popover} from './Menu';

export function MaskedNote(): JSX.Element {
  return <p class="note masked-note"><Icon name="lock" size={16} /> {may('unmask') ? t('masked.by_you') : t('masked.by_others')}</p>;
}

// For a list, in which some value or other is masked.
export function MaskedHint(): JSX.Element | null {
  if (may('see_plain')) return null;
  return (
    <Popover className="button small" label={<><Icon name="lock" size={14} /> {t('masked.title')}</>}>
      {() => <MaskedNote />}
    </Popover>
  );
}
