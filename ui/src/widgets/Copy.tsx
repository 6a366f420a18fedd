// Copies a text, and says that it did.
import type {ComponentChildren, JSX} from 'preact';
import {useState} from 'preact/hooks';
import {t} from '../i18n';
import {Icon} from './Icon';

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false; // no permission, or a page without TLS on another host: the text can be selected by hand
  }
}

export function CopyButton({text, children, className = 'button small'}: {text: string | (() => string); children: ComponentChildren; className?: string}): JSX.Element {
  const [said, setSaid] = useState('');
  return (
    <>
      <button type="button" class={className} onClick={() => {
        void copy(typeof text === 'string' ? text : text()).then(done => {
          setSaid(done ? t('action.copied') : t('action.copy_failed'));
          setTimeout(() => setSaid(''), 3000);
        });
      }}><Icon name="copy" size={16} /> {said === '' ? children : said}</button>
      <span class="visually-hidden" role="status">{said}</span>
    </>
  );
}
