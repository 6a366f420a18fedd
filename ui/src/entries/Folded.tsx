// One line that stands for several, and opens.
import type {ComponentChildren, JSX} from 'preact';
import {useState} from 'preact/hooks';
import {Icon} from '../widgets/Icon';

export interface FoldedProps {
  kind: string;
  avatar: JSX.Element;
  sentence: ComponentChildren;
  meta: ComponentChildren;
  toggleName: string; // what the button says that opens it
  startsOpen: boolean;
  children: () => ComponentChildren; // what is inside, asked when it is open
}

export function Folded({kind, avatar, sentence, meta, toggleName, startsOpen, children}: FoldedProps): JSX.Element {
  const [open, setOpen] = useState(startsOpen);
  return (
    <article class={`line fold ${kind} ${open ? 'open' : ''}`} onClick={event => {
      if ((event.target as Element).closest('a,button,.fold-entries,.details')) return;
      setOpen(!open);
    }}>
      {avatar}
      <div class="line-main"><span class="sentence">{sentence}</span></div>
      <div class="line-meta">{meta}</div>
      <button type="button" class="icon-button toggle" aria-expanded={open} data-key="open" aria-label={toggleName} onClick={() => setOpen(!open)}><Icon name="down" /></button>
      {open && <div class="fold-entries">{children()}</div>}
    </article>
  );
}
