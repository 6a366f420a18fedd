// A slider over the moments at which a row changed, with buttons for one step.
import type {JSX} from 'preact';
import {useId} from 'preact/hooks';
import type {Entry} from '../base/types';
import {entryTime} from '../entries/changes';
import {t} from '../i18n';
import {exactTime, shortTime} from '../i18n/time';
import {Icon} from '../widgets/Icon';

export interface TimeSliderProps {
  label: string;
  moments: Entry[]; // oldest first
  seq: number; // the moment chosen: the newest one at or before it
  onChange: (seq: number) => void;
}

export function momentIndex(moments: Entry[], seq: number): number {
  let index = 0;
  for (const [i, entry] of moments.entries()) if (entry.seq <= seq) index = i;
  return index;
}

export function TimeSlider({label, moments, seq, onChange}: TimeSliderProps): JSX.Element {
  const id = useId();
  const index = momentIndex(moments, seq), last = moments.length - 1;
  const at = moments[index];
  const text = at ? exactTime(entryTime(at)) : '';
  const go = (to: number): void => {
    const entry = moments[Math.max(0, Math.min(last, to))];
    if (entry) onChange(entry.seq);
  };
  return (
    <div class="slider">
      <label for={id}>{label}</label>
      <output for={id}>{text} <span class="note">{t('slider.of', {n: index + 1, all: moments.length})}</span></output>
      <div class="slider-row">
        <button type="button" class="icon-button" aria-label={t('slider.earlier')} disabled={index === 0} onClick={() => go(index - 1)}><Icon name="left" /></button>
        <input id={id} type="range" min={0} max={Math.max(last, 0)} step={1} value={index} aria-valuetext={text} disabled={last < 1}
               onInput={event => go(Number(event.currentTarget.value))} />
        <button type="button" class="icon-button" aria-label={t('slider.later')} disabled={index >= last} onClick={() => go(index + 1)}><Icon name="right" /></button>
      </div>
      {last > 0 && <div class="slider-ends" aria-hidden="true"><span>{shortTime(entryTime(moments[0]!))}</span><span>{shortTime(entryTime(moments[last]!))}</span></div>}
    </div>
  );
}
