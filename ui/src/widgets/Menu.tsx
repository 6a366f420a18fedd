// A button that opens a small panel below it. Escape and a click elsewhere close it.
import type {ComponentChildren, JSX} from 'preact';
import {useEffect, useId, useRef, useState} from 'preact/hooks';

export interface PopoverProps {
  label: ComponentChildren;
  name?: string; // when the label is no text
  className?: string;
  align?: 'start' | 'end';
  children: (close: () => void) => ComponentChildren;
}

export function Popover({label, name, className = 'button', align = 'start', children}: PopoverProps): JSX.Element {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const id = useId();
  const close = (): void => {
    setOpen(false);
    button.current?.focus();
  };
  useEffect(() => {
    if (!open) return;
    const outside = (event: Event): void => {
      if (event.target instanceof Node && !root.current?.contains(event.target)) setOpen(false);
    };
    document.addEventListener('pointerdown', outside);
    document.addEventListener('focusin', outside);
    return () => {
      document.removeEventListener('pointerdown', outside);
      document.removeEventListener('focusin', outside);
    };
  }, [open]);
  return (
    <div class="popover" ref={root} onKeyDown={event => {
      if (event.key !== 'Escape' || !open) return;
      event.stopPropagation();
      close();
    }}>
      <button type="button" ref={button} class={className} aria-expanded={open} aria-controls={open ? id : undefined} aria-label={name}
              onClick={() => setOpen(!open)}>{label}</button>
      {open && <div class={`popover-panel ${align}`} id={id}>{children(close)}</div>}
    </div>
  );
}
