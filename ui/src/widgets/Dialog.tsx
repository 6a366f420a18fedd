// The browser's own modal dialog: focus stays inside, Escape closes, and focus returns to where it was.
import type {ComponentChildren, JSX} from 'preact';
import {useEffect, useId, useRef} from 'preact/hooks';
import {t} from '../i18n';
import {Icon} from './Icon';

export function Dialog({title, onClose, children, wide = false}: {title: string; onClose: () => void; children: ComponentChildren; wide?: boolean}): JSX.Element {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = element.current;
    const opener = document.activeElement;
    if (dialog && !dialog.open) dialog.showModal();
    // What one came to write, rather than the button that closes.
    dialog?.querySelector<HTMLElement>('input:is([type=text],[type=password]):not([hidden]),textarea')?.focus();
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, []);
  return (
    <dialog ref={element} aria-labelledby={id} class={wide ? 'wide' : ''} onClose={onClose}
            onClick={event => { if (event.target === element.current) onClose(); }}>
      <div class="dialog-body">
        <header class="dialog-head">
          <h2 id={id}>{title}</h2>
          <button type="button" class="icon-button" aria-label={t('action.close')} onClick={onClose}><Icon name="close" /></button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
