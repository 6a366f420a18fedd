// One line that stands for several, and opens.
import type {ComponentChild, ComponentChildren, JSX} from 'preact';
import {useState} from 'preact/hooks';
import {afterFrame} from '../base/frame';
import {Gradually} from '../widgets/Gradually';
import {Icon} from '../widgets/Icon';

const LINES_A_FRAME = 3;

export interface FoldedProps {
  kind: string;
  avatar: JSX.Element;
  sentence: ComponentChildren;
  meta: ComponentChildren;
  toggleName: string; // what the button says that opens it
  startsOpen: boolean;
  children: () => ComponentChild[]; // what is inside, asked when it is open
}

export function Folded({kind, avatar, sentence, meta, toggleName, startsOpen, children}: FoldedProps): JSX.Element {
  const [open, setOpen] = useState(startsOpen);
  const [shown, setShown] = useState(startsOpen);
  const toggle = (): void => {
    setOpen(!open);
    afterFrame(() => setShown(!open));
  };
  return (
    <article class={`line fold ${kind} ${shown ? 'open' : ''}`} onClick={event => {
      if ((event.target as Element).closest('a,button,.fold-entries,.details')) return;
      toggle();
    }}>
      {avatar}
      <div class="line-main"><span class="sentence">{sentence}</span></div>
      <div class="line-meta">{meta}</div>
      <button type="button" class="icon-button toggle" aria-expanded={open} data-key="open" aria-label={toggleName} onClick={toggle}><Icon name="down" /></button>
      {shown && <Gradually class="fold-entries" parts={children()} step={LINES_A_FRAME} />}
    </article>
  );
}
