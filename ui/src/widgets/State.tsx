// What stands in place of content: nothing yet, nothing at all, an error, no permission.
import type {ComponentChildren, JSX} from 'preact';
import type {ApiError} from '../base/api';
import {known, t} from '../i18n';
import {SafeText} from '../entries/Value';
import {Icon, type IconName} from './Icon';

export function Notice({icon, title, children, kind = 'plain'}: {icon: IconName; title: string; children?: ComponentChildren; kind?: 'plain' | 'bad'}): JSX.Element {
  return (
    <div class={`notice ${kind}`} role={kind === 'bad' ? 'alert' : undefined}>
      <span class="notice-icon"><Icon name={icon} size={28} /></span>
      <p class="notice-title">{title}</p>
      {children && <div class="notice-text">{children}</div>}
    </div>
  );
}

export function Loading({lines = 6}: {lines?: number}): JSX.Element {
  return (
    <div class="loading" role="status">
      <span class="visually-hidden">{t('state.loading')}</span>
      {Array.from({length: lines}, (_, i) => <span key={i} class="loading-line" aria-hidden="true" />)}
    </div>
  );
}

export function Failure({error, retry}: {error: ApiError; retry?: () => void}): JSX.Element {
  const problem = error.problem;
  if (problem.status === 403)
    return <Notice icon="lock" title={t('state.forbidden')}><p>{t('state.forbidden_text')}</p></Notice>;
  const unreachable = problem.type === '/problems/unreachable';
  const title = unreachable ? t('state.unreachable') : known(`problem.${problem.type.replace('/problems/', '')}`) ?? t('state.failed');
  return (
    <Notice icon="warning" title={title} kind="bad">
      {unreachable ? <p>{t('state.unreachable_text')}</p> : <p><SafeText text={problem.detail ?? problem.title} /></p>}
      {retry && <button type="button" class="button" onClick={retry}>{t('action.retry')}</button>}
    </Notice>
  );
}
