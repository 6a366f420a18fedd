// Keys that work everywhere: / search, j and k from line to line, Enter or o open, d differences, ? help, g and a letter go.
import {useEffect} from 'preact/hooks';
import {navigate} from '../base/router';

const PLACES: Record<string, string> = {a: '/', i: '/insights', v: '/integrity', p: '/access'};

// Lines that are not drawn just now (entries/Lines.tsx) are so when they get the focus, and pass it on.
function lines(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>('main [data-key="open"], main .away')];
}

function move(step: 1 | -1): void {
  const all = lines();
  const now = all.findIndex(each => each === document.activeElement || each.closest('.line')?.contains(document.activeElement));
  const next = all[now < 0 ? (step > 0 ? 0 : all.length - 1) : Math.max(0, Math.min(all.length - 1, now + step))];
  next?.focus();
  next?.closest('.line')?.scrollIntoView({block: 'nearest'});
}

function current(): HTMLElement | undefined {
  const line = document.activeElement?.closest('.line');
  return line?.querySelector<HTMLElement>(':scope > [data-key="open"]') ?? lines()[0];
}

export function useKeys({onHelp}: {onHelp: () => void}): void {
  useEffect(() => {
    let going = false;
    const onKey = (event: KeyboardEvent): void => {
      const target = event.target as HTMLElement;
      const typing = target.matches('input:not([type=range],[type=checkbox],[type=radio]),textarea,select') || target.isContentEditable;
      if (typing || event.ctrlKey || event.metaKey || event.altKey || document.querySelector('dialog[open]')) return;
      const wasGoing = going;
      going = false;
      if (wasGoing && event.key in PLACES) {
        event.preventDefault();
        navigate(PLACES[event.key]!);
        return;
      }
      switch (event.key) {
        case '/': {
          const field = (): HTMLInputElement | null => document.querySelector('[data-search]');
          event.preventDefault();
          if (field()) {
            field()?.focus();
          } else {
            navigate('/');
            setTimeout(() => field()?.focus());
          }
          break;
        }
        case 'j': move(1); break;
        case 'k': move(-1); break;
        case 'o': case 'd': current()?.click(); break;
        case 'g': going = true; break;
        case '?': onHelp(); break;
        default: return;
      }
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [onHelp]);
}
