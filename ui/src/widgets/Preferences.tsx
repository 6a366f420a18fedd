// Language, theme, time zone.
import type {JSX} from 'preact';
import {useId} from 'preact/hooks';
import {changePrefs, prefs, THEMES, ZONES, type Language} from '../base/prefs';
import {useStore} from '../base/store';
import {t} from '../i18n';
import {offsetOf, timeZone} from '../i18n/time';

// Each in its own words. The pseudo-language is for those who work on the page: ?lang=pseudo.
const LANGUAGE_NAMES: [Language, string][] = [['en', 'English'], ['hi', 'हिन्दी']];

export function LanguageChoice(): JSX.Element {
  const {language} = useStore(prefs);
  return (
    <div class="segmented" role="group" aria-label={t('prefs.language')}>
      {LANGUAGE_NAMES.map(([each, name]) => (
        <button key={each} type="button" lang={each} aria-pressed={language === each} onClick={() => changePrefs({language: each})}>{name}</button>
      ))}
    </div>
  );
}

export function Preferences(): JSX.Element {
  const now = useStore(prefs);
  const id = useId();
  return (
    <div class="preferences">
      <span class="field-label">{t('prefs.language')}</span>
      <LanguageChoice />
      <span class="field-label" id={`${id}-theme`}>{t('prefs.theme')}</span>
      <div class="segmented" role="group" aria-labelledby={`${id}-theme`}>
        {THEMES.map(theme => <button key={theme} type="button" aria-pressed={now.theme === theme} onClick={() => changePrefs({theme})}>{t(`prefs.theme.${theme}`)}</button>)}
      </div>
      <span class="field-label" id={`${id}-zone`}>{t('prefs.zone')}</span>
      <div class="segmented" role="group" aria-labelledby={`${id}-zone`}>
        {ZONES.map(zone => <button key={zone} type="button" aria-pressed={now.zone === zone} onClick={() => changePrefs({zone})}>{t(`prefs.zone.${zone}`)}</button>)}
      </div>
      <p class="note">{timeZone()} ({offsetOf(new Date())})</p>
    </div>
  );
}
