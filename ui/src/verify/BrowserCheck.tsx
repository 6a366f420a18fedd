// The verification's steps as they happen, each with what was done.
import type {JSX} from 'preact';
import {useEffect, useState} from 'preact/hooks';
import {known, t, type MessageKey} from '../i18n';
import {exactTime} from '../i18n/time';
import {Icon} from '../widgets/Icon';
import {verifyInBrowser, type Step} from './run';

function textOf(step: Step): string {
  const facts = {...step.facts};
  if (step.state === 'bad') return String(facts['text']);
  if (typeof facts['at'] === 'string') facts['at'] = exactTime(new Date(facts['at']));
  if (typeof facts['by'] === 'string') facts['by'] = known(`verify.by.${facts['by']}`) ?? facts['by'];
  return t(`verify.${step.name}.${step.state}` as MessageKey, facts);
}

export function BrowserCheck({verifierKey}: {verifierKey: string}): JSX.Element {
  const [steps, setSteps] = useState<Step[]>([]);
  const [verdict, setVerdict] = useState<boolean>();
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    setSteps([]);
    setVerdict(undefined);
    void verifyInBrowser(verifierKey, step => setSteps(before => [...before.filter(each => each.name !== step.name), step])).then(setVerdict);
  }, [verifierKey, turn]);
  return (
    <div class="browser-check">
      <ol class="steps">
        {steps.map(step => (
          <li key={step.name} class={step.state}>
            <Icon name={step.state === 'good' ? 'check' : step.state === 'bad' ? 'warning' : step.state === 'skipped' ? 'right' : 'dots'} size={18} />
            <span><strong>{t(`verify.${step.name}` as MessageKey)}</strong> <span class="note">{textOf(step)}</span></span>
          </li>
        ))}
      </ol>
      <div role="status">
        {verdict === true && <p class="verdict good"><Icon name="check" size={20} /> {t('verify.good')}</p>}
        {verdict === false && <p class="verdict bad"><Icon name="warning" size={20} /> {t('verify.bad')}</p>}
      </div>
      {verdict !== undefined && <>
        <p class="note">{t('verify.what_it_means')}</p>
        <button type="button" class="button small" onClick={() => setTurn(turn + 1)}>{t('verify.again')}</button>
      </>}
    </div>
  );
}
