// Keys, and how to search.
import type {JSX} from 'preact';
import {Link, searchPath} from '../base/router';
import {t, type MessageKey} from '../i18n';
import {Dialog} from './Dialog';

const KEYS: [string, MessageKey][] = [
  ['/', 'help.key.search'], ['j k', 'help.key.move'], ['Enter', 'help.key.open'], ['d', 'help.key.differences'], ['Esc', 'help.key.close'],
  ['g a', 'nav.activity'], ['g i', 'nav.insights'], ['g v', 'nav.integrity'], ['g p', 'nav.access'], ['?', 'help.key.help'],
];
const EXAMPLES: [string, MessageKey][] = [
  ['field:phone actor:priya', 'help.example.actor'],
  ['via:sql created:>=now-7d', 'help.example.sql'],
  ['-via:flow,job op:modify', 'help.example.not'],
  ['new.status:blocked', 'help.example.new'],
  ['9198*', 'help.example.number'],
];

export function Help({onClose}: {onClose: () => void}): JSX.Element {
  return (
    <Dialog title={t('help.title')} onClose={onClose} wide>
      <div class="help">
        <section>
          <h3>{t('help.search')}</h3>
          <dl class="help-list">{EXAMPLES.map(([q, text]) => <div key={q}><dt><Link to={searchPath(q)} onFollow={onClose}><code>{q}</code></Link></dt><dd>{t(text)}</dd></div>)}</dl>
          <p class="note">{t('help.grammar')}</p>
        </section>
        <section>
          <h3>{t('help.keys')}</h3>
          <dl class="help-list">{KEYS.map(([keys, text]) => <div key={keys}><dt>{keys.split(' ').map(key => <kbd key={key}>{key}</kbd>)}</dt><dd>{t(text)}</dd></div>)}</dl>
        </section>
      </div>
    </Dialog>
  );
}
