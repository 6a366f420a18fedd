// One value, shown so that nothing in it can do harm, and long ones can be opened.
import type {ComponentChildren, JSX} from 'preact';
import {useState} from 'preact/hooks';
import type {Json} from '../base/types';
import {t} from '../i18n';
import {formatBytes, stampOf} from '../i18n/time';
import {harmless, shorten} from './harmless';
import {valueWord} from './words';

const SHORT = 64, LONG = 400;

export function SafeText({text}: {text: string}): JSX.Element {
  return (
    <bdi>
      {harmless(text).map((span, i) => span.hidden
        ? <span key={i} class="hidden-mark" title={t('value.hidden_mark', {code: span.hidden})}>{span.text}</span>
        : span.text)}
    </bdi>
  );
}

// Text of any length: the beginning, and a button for the rest.
export function LongText({text, most = LONG}: {text: string; most?: number}): JSX.Element {
  const [open, setOpen] = useState(false);
  const short = shorten(text, most);
  if (!short.cut) return <SafeText text={text} />;
  return (
    <>
      <SafeText text={open ? text : `${short.text}…`} />
      {' '}
      <button type="button" class="inline" aria-expanded={open} onClick={() => setOpen(!open)}>
        {open ? t('value.show_less') : t('value.show_all', {size: formatBytes(new TextEncoder().encode(text).length)})}
      </button>
    </>
  );
}

function isVariable(value: Json): value is {[name: string]: Json} {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && 'value' in value;
}

// brief: for sentences, one short line. seq: of the entry that it is from.
export function Value({field, value, brief = false, seq}: {field: string; value: Json | undefined; brief?: boolean; seq?: number | undefined}): JSX.Element {
  if (value === undefined) return <span class="value-none">{t('value.absent')}</span>;
  if (value === null) return <span class="value-none">{t('value.empty')}</span>;
  const word = valueWord(field, value, seq);
  if (word !== undefined) return <span class="value-word" title={String(value)}>{word}</span>;
  const stamp = typeof value === 'string' ? stampOf(value) : undefined;
  if (stamp) return <span class="value-word" title={stamp.hasZone ? value as string : t('value.no_zone', {text: value as string})}>{stamp.text}</span>;
  if (value === '') return <span class="value-none">{t('value.empty_text')}</span>;
  // A contact variable is known by what it holds.
  if (isVariable(value) && (brief || typeof value['value'] !== 'object'))
    return <Value field={field} value={value['value'] ?? null} brief={brief} seq={seq} />;
  const text = typeof value === 'object' ? JSON.stringify(value, null, brief ? undefined : 2) : String(value);
  if (brief) {
    const short = shorten(text.replaceAll(/\s+/g, ' '), SHORT);
    return <SafeText text={short.cut ? `${short.text}…` : short.text} />;
  }
  if (typeof value === 'object') return <code class="value-json"><LongText text={text} /></code>;
  return <LongText text={text} />;
}

export function Was({children}: {children: ComponentChildren}): JSX.Element {
  return <del><span class="visually-hidden">{t('diff.was')} </span>{children}</del>;
}

export function Now({children}: {children: ComponentChildren}): JSX.Element {
  return <ins><span class="visually-hidden">{t('diff.now')} </span>{children}</ins>;
}
